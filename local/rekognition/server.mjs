import { readFile } from "node:fs/promises";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { createApp } from "./src/app.mjs";
import { Detector } from "./src/detector.mjs";
import { remembered } from "./src/remembered.mjs";
import { objectReader } from "./src/s3.mjs";
import { StandIn } from "./src/stand-in.mjs";

/** How long calls in progress may take to end after SIGTERM. */
const GRACE_MS = 2000;

const { port, host } = parseArgs({
  options: { port: { type: "string", default: "0" }, host: { type: "string", default: "127.0.0.1" } },
}).values;

const taxonomy = JSON.parse(await readFile(new URL("src/taxonomy.json", import.meta.url), "utf8"));
const detector = await Detector.start();
const standIn = new StandIn({ detector: remembered(detector), readObject: objectReader(process.env), taxonomy });
const server = createApp(standIn).listen(Number(port), host);
await once(server, "listening");

for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, stop);
const address = /** @type {import("node:net").AddressInfo} */ (server.address());
console.log(JSON.stringify({ port: address.port }));

function stop() {
  server.close(() => process.exit(0));
  setTimeout(() => server.closeAllConnections(), GRACE_MS);
}
