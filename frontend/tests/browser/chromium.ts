import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/opt/google/chrome/chrome",
];

/** The path of a Chromium: the one that CHROMIUM names, the system's, or one that is installed now. */
export function chromium(): string {
  return process.env.CHROMIUM ?? PLACES.find(existsSync) ?? install();
}

function install(): string {
  if (!existsSync("/usr/bin/apt-get") || process.getuid?.() !== 0)
    throw new Error("The browser tests need Chromium. Install it, or say with CHROMIUM=<path> where it is.");
  console.log("Chromium is absent and is being installed ...");
  execFileSync("apt-get", ["update", "-qq"], { stdio: "inherit" });
  execFileSync("apt-get", ["install", "-y", "-qq", "chromium"], { stdio: ["ignore", "ignore", "inherit"] });
  return "/usr/bin/chromium";
}
