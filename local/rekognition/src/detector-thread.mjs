import { parentPort } from "node:worker_threads";
import { ServiceError } from "./errors.mjs";
import { loadModel } from "./model.mjs";

const port = /** @type {import("node:worker_threads").MessagePort} */ (parentPort);
const model = await loadModel();

port.on("message", async (/** @type {{ id: number, image: Uint8Array }} */ { id, image }) => {
  try {
    port.postMessage({ id, detections: await model.detect(image) });
  } catch (error) {
    port.postMessage({ id, error: serializeError(error) });
  }
});
port.postMessage("ready");

/**
 * Convert an error to a plain object, because messages between threads lose its class and code.
 * @param {unknown} error
 */
function serializeError(error) {
  if (error instanceof ServiceError) return { code: error.code, message: error.message };
  console.error(error);
  return { code: "InternalServerError", message: `The detector failed: ${error}` };
}
