import { defineConfig } from "@playwright/test";
import { chromium } from "./tests/browser/chromium";

const CALM = ["--no-first-run", "--disable-gpu", "--disable-quic", "--disable-background-networking"];
const QUIET = ["--disable-component-update", "--disable-sync"];
// Chromium's sandbox does not start for root, as whom containers and CI run.
const SANDBOX = process.getuid?.() === 0 ? ["--no-sandbox"] : [];

export default defineConfig({
  testDir: "tests/browser",
  outputDir: "artefacts/results",
  // Pictures are scanned by one model on this machine: more at once would only wait for each other.
  workers: 2,
  fullyParallel: true,
  timeout: 120_000,
  // The first scans wait for the model and for cold functions, on a machine that does other things besides.
  expect: { timeout: 45_000 },
  forbidOnly: Boolean(process.env.CI),
  reporter: [["list"]],
  use: {
    launchOptions: { executablePath: chromium(), args: [...CALM, ...QUIET, ...SANDBOX] },
    trace: "retain-on-failure",
    viewport: { width: 1280, height: 900 },
  },
});
