/** @import { Detection, ObjectDetector } from "./types.js" */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { ServiceError } from "./errors.mjs";

/**
 * The model in a thread of its own, because one look keeps a core busy for some 0.4 s and the server must answer meanwhile.
 * A thread that dies takes the process with it.
 * @implements {ObjectDetector}
 */
export class Detector {
  #worker = new Worker(new URL("./detector-thread.mjs", import.meta.url));
  #waiting = /** @type {Map<number, Waiting>} */ (new Map());
  #lastId = 0;

  static async start() {
    const detector = new Detector();
    await once(detector.#worker, "message");
    detector.#worker.on("message", (answer) => detector.#settle(answer));
    return detector;
  }

  /**
   * @param {Uint8Array} image bytes of a JPEG or PNG
   * @returns {Promise<Detection[]>} best first
   */
  detect(image) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, image });
    });
  }

  stop() {
    return this.#worker.terminate();
  }

  /** @param {{ id: number, detections: Detection[], error?: { code: string, message: string } }} answer */
  #settle({ id, detections, error }) {
    const { resolve, reject } = /** @type {Waiting} */ (this.#waiting.get(id));
    this.#waiting.delete(id);
    if (error) reject(new ServiceError(error.code, error.message));
    else resolve(detections);
  }
}

/** @typedef {{ resolve: (found: Detection[]) => void, reject: (error: Error) => void }} Waiting */
