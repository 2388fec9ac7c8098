import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

const CHROMIUM_PATHS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/opt/google/chrome/chrome",
];

/** Return the path of Chromium: the environment variable CHROMIUM, an installed browser, or a new installation. */
export function chromiumPath(): string {
  return process.env.CHROMIUM ?? CHROMIUM_PATHS.find(existsSync) ?? install();
}

function install(): string {
  if (!existsSync("/usr/bin/apt-get") || process.getuid?.() !== 0)
    throw new Error("The browser tests require Chromium. Install it, or set CHROMIUM=<path>.");
  console.log("Installing Chromium ...");
  execFileSync("apt-get", ["update", "-qq"], { stdio: "inherit" });
  execFileSync("apt-get", ["install", "-y", "-qq", "chromium"], { stdio: ["ignore", "ignore", "inherit"] });
  return "/usr/bin/chromium";
}
