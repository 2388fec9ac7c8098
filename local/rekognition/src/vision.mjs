/** @import { Analyses, ImageContent, Vision } from "./types.js" */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { ServiceError } from "./errors.mjs";

/**
 * Run the models in a worker thread, because they use a core for up to a second and the server must respond meanwhile.
 * If the thread exits, the process exits as well.
 * @implements {Vision}
 */
export class VisionWorker {
  #worker = new Worker(new URL("./vision-thread.mjs", import.meta.url));
  #pending = /** @type {Map<number, Pending>} */ (new Map());
  #lastId = 0;

  static async start() {
    const vision = new VisionWorker();
    await once(vision.#worker, "message");
    vision.#worker.on("message", (message) => vision.#settle(message));
    return vision;
  }

  /**
   * @template {keyof Analyses} Task
   * @param {Task} task
   * @param {ImageContent} image
   * @returns {Promise<Analyses[Task]>}
   */
  analyze(task, image) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, task, image });
    });
  }

  stop() {
    return this.#worker.terminate();
  }

  /** @param {{ id: number, result?: any, error?: { code: string, message: string } }} message */
  #settle({ id, result, error }) {
    const { resolve, reject } = /** @type {Pending} */ (this.#pending.get(id));
    this.#pending.delete(id);
    if (error) reject(new ServiceError(error.code, error.message));
    else resolve(result);
  }
}

/** @typedef {{ resolve: (result: any) => void, reject: (error: Error) => void }} Pending */
