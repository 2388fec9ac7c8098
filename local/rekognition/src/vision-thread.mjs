/** @import { Analyses, ImageContent } from "./types.js" */
import { parentPort } from "node:worker_threads";
import { DecodedImages } from "./decoded-images.mjs";
import { ServiceError } from "./errors.mjs";
import { loadTasks } from "./tasks.mjs";

const port = /** @type {import("node:worker_threads").MessagePort} */ (parentPort);
const tasks = await loadTasks();
const images = new DecodedImages();
let previous = Promise.resolve();

// One message at a time, so that a burst of calls holds only one image and the tensors of one model in memory.
port.on("message", (message) => {
  previous = previous.then(() => respond(message));
});
port.postMessage("ready");

/** @param {{ id: number, task: keyof Analyses, image: ImageContent }} message */
async function respond({ id, task, image }) {
  try {
    port.postMessage({ id, result: await tasks[task](await images.decode(image)) });
  } catch (error) {
    port.postMessage({ id, error: serializeError(error) });
  }
}

/**
 * Convert an error to a plain object, because messages between threads lose its class and code.
 * @param {unknown} error
 */
function serializeError(error) {
  if (error instanceof ServiceError) return { code: error.code, message: error.message };
  console.error(error);
  return { code: "InternalServerError", message: `The model failed: ${error}` };
}
