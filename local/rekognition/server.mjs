import { readFile } from "node:fs/promises";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { createApp } from "./src/app.mjs";
import { RekognitionEmulator } from "./src/detect-labels.mjs";
import { cached } from "./src/detection-cache.mjs";
import { Detector } from "./src/detector.mjs";
import { objectReader } from "./src/s3.mjs";

/** How long calls in progress may continue after SIGTERM. */
const SHUTDOWN_TIMEOUT_MS = 2000;

const { port, host } = parseArgs({
  options: { port: { type: "string", default: "0" }, host: { type: "string", default: "127.0.0.1" } },
}).values;

const taxonomy = JSON.parse(await readFile(new URL("src/taxonomy.json", import.meta.url), "utf8"));
const detector = await Detector.start();
const emulator = new RekognitionEmulator({ detector: cached(detector), readObject: objectReader(process.env), taxonomy });
const server = createApp(emulator).listen(Number(port), host);
await once(server, "listening");

for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, stop);
const address = /** @type {import("node:net").AddressInfo} */ (server.address());
console.log(JSON.stringify({ port: address.port }));

function stop() {
  server.close(() => process.exit(0));
  setTimeout(() => server.closeAllConnections(), SHUTDOWN_TIMEOUT_MS);
}
