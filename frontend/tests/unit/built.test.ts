import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";
import { beforeAll, expect, it } from "vitest";

const MOST_BYTES = 40_000;

const files = new Map<string, string | Uint8Array>();

beforeAll(async () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const built = (await build({ root, logLevel: "error", build: { write: false } })) as Rolldown.RolldownOutput;
  for (const file of built.output) files.set(file.fileName, file.type === "chunk" ? file.code : file.source);
});

it("the first load is under 40 kB of compressed script and style", () => {
  const loaded = [...files].filter(([name]) => /\.(js|css)$/.test(name));
  const bytes = loaded.map(([, content]) => gzipSync(content).length).reduce((sum, one) => sum + one, 0);
  expect(bytes).toBeGreaterThan(1_000);
  expect(bytes).toBeLessThan(MOST_BYTES);
});

it("everything lies beside the page, under a name that tells its content", () => {
  const addresses = [...page().matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address);
  expect(addresses).toContain("./favicon.svg");
  expect(addresses.filter((address) => /^\.\/assets\/[\w-]+-[\w-]{8}\.(js|css)$/.test(address ?? ""))).toHaveLength(2);
  expect(addresses).toHaveLength(3);
});

it("the page has no script or style within it", () => {
  expect(page()).not.toMatch(/<style|style=|\son\w+=|<script(?![^>]*\ssrc=)/);
});

it("the content security policy allows no inline script or style", () => {
  const policy = /Content-Security-Policy"\s+content="([^"]+)"/.exec(page())?.[1] ?? "";
  expect(policy).toMatch(/default-src 'none'; script-src 'self'; style-src 'self';/);
  expect(policy).not.toContain("unsafe");
});

function page(): string {
  return String(files.get("index.html"));
}
