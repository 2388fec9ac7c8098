import { defineConfig } from "@playwright/test";
import { chromiumPath } from "./tests/browser/chromium";

const STABLE = ["--no-first-run", "--disable-gpu", "--disable-quic", "--disable-background-networking"];
const QUIET = ["--disable-component-update", "--disable-sync"];
// The sandbox of Chromium does not start as root, which containers and CI use.
const NO_SANDBOX = process.getuid?.() === 0 ? ["--no-sandbox"] : [];

export default defineConfig({
  testDir: "tests/browser",
  outputDir: "artefacts/results",
  // All tests share one detection model on this machine, so more workers would only wait.
  workers: 2,
  fullyParallel: true,
  timeout: 120_000,
  // The first scans wait for the model and for cold starts, possibly on a busy machine.
  expect: { timeout: 45_000 },
  forbidOnly: Boolean(process.env.CI),
  reporter: [["list"]],
  use: {
    launchOptions: { executablePath: chromiumPath(), args: [...STABLE, ...QUIET, ...NO_SANDBOX] },
    trace: "retain-on-failure",
    viewport: { width: 1280, height: 900 },
  },
});
