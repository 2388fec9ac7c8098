#!/usr/bin/env node
import { once } from "node:events";
import { parseArgs } from "node:util";
import { cached } from "./src/analysis-cache.mjs";
import { createApp } from "./src/app.mjs";
import { RekognitionEmulator } from "./src/emulator.mjs";
import { objectReader } from "./src/s3.mjs";
import { VisionWorker } from "./src/vision.mjs";

/** How long calls in progress may continue after SIGTERM. */
const SHUTDOWN_TIMEOUT_MS = 2000;
const MAX_PORT = 65535;

const HELP = `Usage: rekognition-emulator [--port PORT] [--host ADDRESS]

Emulates DetectLabels, DetectModerationLabels and DetectText of Amazon Rekognition.
Prints {"port":PORT} to standard output when it is ready.

Options:
  --port PORT     TCP port (default: 0, which selects a free port)
  --host ADDRESS  IP address to listen on (default: 127.0.0.1)
  --help          Show this help

Environment variables for images in S3:
  S3_ENDPOINT, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL  Endpoint URL
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION

Example:
  rekognition-emulator --port 8570
  AWS_ENDPOINT_URL_REKOGNITION=http://127.0.0.1:8570 python my_program.py
`;

const options = readOptions();
if (options.help) console.log(HELP);
else await serve(options);

function readOptions() {
  try {
    const { port = "0", host = "127.0.0.1", help = false } = parseArgs({
      options: { port: { type: "string" }, host: { type: "string" }, help: { type: "boolean" } },
    }).values;
    if (!/^\d+$/.test(port) || Number(port) > MAX_PORT) throw new Error(`--port must be a number from 0 to ${MAX_PORT}, not "${port}"`);
    return { port: Number(port), host, help };
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\nRun with --help to see the options.`);
    process.exit(2);
  }
}

/** @param {{ port: number, host: string }} address */
async function serve({ port, host }) {
  const vision = cached(await VisionWorker.start());
  const emulator = new RekognitionEmulator({ vision, readObject: objectReader(process.env) });
  const server = createApp(emulator).listen(port, host);
  server.on("error", fail);
  await once(server, "listening");
  for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => stop(server));
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  console.log(JSON.stringify({ port: address.port }));
}

/** @param {NodeJS.ErrnoException} error such as a port that is in use */
function fail(error) {
  const advice = error.code === "EADDRINUSE" ? ". Choose another port with --port." : "";
  console.error(`Cannot listen: ${error.message}${advice}`);
  process.exit(1);
}

/** @param {import("node:http").Server} server */
function stop(server) {
  server.close(() => process.exit(0));
  setTimeout(() => server.closeAllConnections(), SHUTDOWN_TIMEOUT_MS);
}
