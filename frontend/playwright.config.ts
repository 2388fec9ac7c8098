import { defineConfig } from "@playwright/test";
import { chromiumPath } from "./tests/browser/chromium";

const CI = Boolean(process.env.CI);
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
  forbidOnly: CI,
  // In CI, the tests share two processors with other tests. The report names each test that needed a second attempt.
  retries: CI ? 2 : 0,
  // Short, so that a log that is cut still names the failed tests.
  reporter: [[CI ? "dot" : "list"]],
  use: {
    launchOptions: { executablePath: chromiumPath(), args: [...STABLE, ...QUIET, ...NO_SANDBOX] },
    // Recording every test takes a large part of the time.
    trace: CI ? "on-first-retry" : "retain-on-failure",
    viewport: { width: 1280, height: 900 },
  },
});
