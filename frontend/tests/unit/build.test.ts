import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";
import { beforeAll, expect, it, vi } from "vitest";

const MAX_COMPRESSED_BYTES = 45_000;

const files = new Map<string, string | Uint8Array>();

beforeAll(async () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  // In the environment of the tests, the build would not be the published one.
  vi.stubEnv("NODE_ENV", "production");
  const built = (await build({ root, logLevel: "error", build: { write: false } })) as Rolldown.RolldownOutput;
  vi.unstubAllEnvs();
  for (const file of built.output) files.set(file.fileName, file.type === "chunk" ? file.code : file.source);
}, 60_000);

it("scripts and styles that are loaded initially are smaller than 45 kB compressed", () => {
  const bytes = [...initialFiles()].map((name) => gzipSync(files.get(name) ?? "").length);
  const sum = bytes.reduce((sum, one) => sum + one, 0);
  expect(sum).toBeGreaterThan(1_000);
  expect(sum).toBeLessThan(MAX_COMPRESSED_BYTES);
});

it("converters and results are loaded on demand", () => {
  const onDemand = [...files.keys()].filter((name) => name.endsWith(".js") && !initialFiles().has(name));
  for (const part of ["prepare", "metadata", "heic-worker", "heic", "convert", "export", "ResultPanel"])
    expect(onDemand).toContainEqual(expect.stringMatching(`assets/${part}-`));
});

/** Return the assets in index.html and what they import statically. */
function initialFiles(): ReadonlySet<string> {
  const found = new Set([...indexHtml().matchAll(/"\.\/(assets\/[^"]+)"/g)].map(([, name]) => name ?? ""));
  // A set that grows while it is iterated visits the new elements, too.
  for (const name of found)
    for (const [, imported] of String(files.get(name)).matchAll(/(?:from|import)\s*"\.\/([\w.-]+\.js)"/g))
      found.add(`assets/${imported}`);
  return found;
}

it("assets have relative URLs with a content hash", () => {
  const urls = [...indexHtml().matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url);
  expect(urls).toContain("./favicon.svg");
  const hashed = urls.filter((url) => /^\.\/assets\/[\w.-]+-[\w-]{8}\.(js|css)$/.test(url ?? ""));
  expect(hashed.length).toBeGreaterThan(1);
  expect(urls).toHaveLength(hashed.length + 1);
});

it("index.html contains no inline script or style", () => {
  expect(indexHtml()).not.toMatch(/<style|style=|\son\w+=|<script(?![^>]*\ssrc=)/);
});

it("the content security policy allows no inline script or style", () => {
  const policy = /Content-Security-Policy"\s+content="([^"]+)"/.exec(indexHtml())?.[1] ?? "";
  expect(policy).toMatch(/default-src 'none'; script-src 'self'; style-src 'self';/);
  expect(policy).not.toContain("unsafe");
});

it("the content security policy allows connections to the origin of the page only", () => {
  // The deployment adds the origins of the API, of the images bucket and of the sign-in service.
  expect(indexHtml()).toMatch(/; connect-src 'self';/);
});

function indexHtml(): string {
  return String(files.get("index.html"));
}
