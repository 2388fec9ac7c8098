import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const SERVER = fileURLToPath(new URL("../server.mjs", import.meta.url));
const cat = await readFile(new URL("../../../samples/cat.jpg", import.meta.url));

async function start() {
  const child = spawn(process.execPath, [SERVER, "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface(child.stdout), "line");
  return { child, url: `http://127.0.0.1:${JSON.parse(line).port}` };
}

/** @param {string} url */
const detectCat = async (url) => {
  const headers = { "X-Amz-Target": "RekognitionService.DetectLabels" };
  const body = JSON.stringify({ Image: { Bytes: cat.toString("base64") }, MinConfidence: 90 });
  return (await fetch(url, { method: "POST", headers, body })).json();
};

test("the server detects a cat, responds to health checks meanwhile, and stops on SIGTERM", async (context) => {
  const { child, url } = await start();
  context.after(() => child.kill("SIGKILL"));
  const detection = detectCat(url);
  const durations = [];
  const pending = detection.then(() => false);
  do {
    const started = performance.now();
    assert.equal((await fetch(`${url}/_control/health`)).status, 200);
    durations.push(performance.now() - started);
  } while (await Promise.race([pending, new Promise((again) => setTimeout(again, 10, true))]));
  const names = (await detection).Labels.map((/** @type {{ Name: string }} */ { Name }) => Name);
  assert.deepEqual(names, ["Cat", "Animal", "Mammal", "Pet"]);
  const median = durations.toSorted((a, b) => a - b)[Math.floor(durations.length / 2)];
  assert.ok(median < 50, `the health check took ${median} ms`);
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
});

/** @param {string[]} options */
const run = (...options) => spawnSync(process.execPath, [SERVER, ...options], { encoding: "utf8", timeout: 10_000 });

test("--help describes the options", () => {
  const { status, stdout } = run("--help");
  assert.equal(status, 0);
  for (const option of ["--port", "--host", "S3_ENDPOINT"]) assert.ok(stdout.includes(option), option);
});

const INVALID = [
  { options: ["--port", "http"], message: /--port must be a number from 0 to 65535, not "http"/ },
  { options: ["--port", "65536"], message: /--port must be a number/ },
  { options: ["--verbose"], message: /--verbose/ },
];

for (const { options, message } of INVALID) {
  test(`the options ${options.join(" ")} are rejected`, () => {
    const { status, stderr } = run(...options);
    assert.equal(status, 2);
    assert.match(stderr, message);
  });
}

test("a port that is in use is reported", async (context) => {
  const { child, url } = await start();
  context.after(() => child.kill("SIGKILL"));
  const { status, stderr } = run("--port", new URL(url).port);
  assert.equal(status, 1);
  assert.match(stderr, /Cannot listen: .*EADDRINUSE.*\. Choose another port with --port\.\n/);
});
