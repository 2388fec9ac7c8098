import { defineConfig } from "vitest/config";

export default defineConfig({
  // The page lies wherever a bucket puts it, so nothing in it may name an absolute path.
  base: "./",
  build: {
    target: "es2022",
    // The content security policy knows no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: { include: ["tests/unit/**/*.test.ts"], environment: "node" },
});
