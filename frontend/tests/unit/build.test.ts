import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";
import { beforeAll, expect, it } from "vitest";

const MAX_COMPRESSED_BYTES = 40_000;

const files = new Map<string, string | Uint8Array>();

beforeAll(async () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const built = (await build({ root, logLevel: "error", build: { write: false } })) as Rolldown.RolldownOutput;
  for (const file of built.output) files.set(file.fileName, file.type === "chunk" ? file.code : file.source);
});

it("scripts and styles are smaller than 40 kB compressed", () => {
  const assets = [...files].filter(([name]) => /\.(js|css)$/.test(name));
  const bytes = assets.map(([, content]) => gzipSync(content).length).reduce((sum, one) => sum + one, 0);
  expect(bytes).toBeGreaterThan(1_000);
  expect(bytes).toBeLessThan(MAX_COMPRESSED_BYTES);
});

it("assets have relative URLs with a content hash", () => {
  const urls = [...indexHtml().matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url);
  expect(urls).toContain("./favicon.svg");
  expect(urls.filter((url) => /^\.\/assets\/[\w-]+-[\w-]{8}\.(js|css)$/.test(url ?? ""))).toHaveLength(2);
  expect(urls).toHaveLength(3);
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
