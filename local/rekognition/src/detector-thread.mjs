import { parentPort } from "node:worker_threads";
import { ServiceError } from "./errors.mjs";
import { loadModel } from "./model.mjs";

const port = /** @type {import("node:worker_threads").MessagePort} */ (parentPort);
const model = await loadModel();

port.on("message", async (/** @type {{ id: number, image: Uint8Array }} */ { id, image }) => {
  try {
    port.postMessage({ id, detections: await model.detect(image) });
  } catch (error) {
    port.postMessage({ id, error: portable(error) });
  }
});
port.postMessage("ready");

/**
 * An error's class and code do not survive the way between threads.
 * @param {unknown} error
 */
function portable(error) {
  if (error instanceof ServiceError) return { code: error.code, message: error.message };
  console.error(error);
  return { code: "InternalServerError", message: `The detector failed: ${error}` };
}
