import { defineConfig } from "vitest/config";

export default defineConfig({
  // Relative URLs, because the path of the page depends on the bucket.
  base: "./",
  build: {
    target: "es2022",
    // The content security policy does not allow data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: { include: ["tests/unit/**/*.test.ts"], environment: "node" },
});
