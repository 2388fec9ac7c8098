/** @import { Detection, ObjectDetector } from "./types.js" */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { ServiceError } from "./errors.mjs";

/**
 * Run the model in a worker thread. One detection uses a core for about 0.4 s, and the server must respond meanwhile.
 * If the thread exits, the process exits as well.
 * @implements {ObjectDetector}
 */
export class Detector {
  #worker = new Worker(new URL("./detector-thread.mjs", import.meta.url));
  #pending = /** @type {Map<number, Pending>} */ (new Map());
  #lastId = 0;

  static async start() {
    const detector = new Detector();
    await once(detector.#worker, "message");
    detector.#worker.on("message", (result) => detector.#settle(result));
    return detector;
  }

  /**
   * @param {Uint8Array} image bytes of a JPEG or PNG
   * @returns {Promise<Detection[]>} highest score first
   */
  detect(image) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, image });
    });
  }

  stop() {
    return this.#worker.terminate();
  }

  /** @param {{ id: number, detections: Detection[], error?: { code: string, message: string } }} result */
  #settle({ id, detections, error }) {
    const { resolve, reject } = /** @type {Pending} */ (this.#pending.get(id));
    this.#pending.delete(id);
    if (error) reject(new ServiceError(error.code, error.message));
    else resolve(detections);
  }
}

/** @typedef {{ resolve: (detections: Detection[]) => void, reject: (error: Error) => void }} Pending */
