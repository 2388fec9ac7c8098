/** @import { CallCounts, Fault, ImageContent, Latency, OperationName, RateLimit, ReadObject, Vision } from "./types.js" */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { CallCount, faultError, FaultQueue, sumOf, TokenBucket } from "./calls.mjs";
import { ServiceError } from "./errors.mjs";
import { formatOf } from "./image.mjs";
import { OPERATION_NAMES, OPERATIONS, selectOperations } from "./operations.mjs";
import { decodeBytes, parseJson, validateImage } from "./request.mjs";

/** The operations, their call counters and their fault injection. */
export class RekognitionEmulator {
  #counts = emptyCounts();
  #faults = new FaultQueue();
  #buckets = /** @type {Map<OperationName, TokenBucket>} */ (new Map());
  #latencies = /** @type {Map<OperationName, Latency>} */ (new Map());

  /** @param {{ vision: Vision, readObject: ReadObject, now?: () => number }} dependencies */
  constructor({ vision, readObject, now = () => performance.now() }) {
    this.vision = vision;
    this.readObject = readObject;
    this.now = now;
  }

  /** Return the call counts of each operation and their sums. */
  countCalls() {
    return { ...sumOf(Object.values(this.#counts)), by_operation: this.#counts };
  }

  /** Clear the call counts and the faults. Keep the rate limits and the latencies. */
  reset() {
    this.#counts = emptyCounts();
    this.#faults = new FaultQueue();
  }

  /** @param {Fault} fault */
  addFault(fault) {
    selectOperations(fault?.operation);
    this.#faults.add(fault);
  }

  /** @param {RateLimit} limit maximum calls per second of each operation; null for no limit */
  setRateLimit({ operation, per_second }) {
    for (const name of selectOperations(operation)) {
      if (per_second == null) this.#buckets.delete(name);
      else this.#buckets.set(name, new TokenBucket(per_second, this.now));
    }
  }

  /** @param {Omit<Latency, "ms"> & { ms?: number | null }} latency `ms` is null for none */
  setLatency({ operation, ms, ...fixedResults }) {
    if (ms != null && !(ms >= 0)) throw new ServiceError("BadLatency", "ms must be 0 or more, or null for no latency");
    for (const name of selectOperations(operation)) {
      if (ms == null) this.#latencies.delete(name);
      else this.#latencies.set(name, { ms, ...fixedResults });
    }
  }

  /**
   * Respond to a call as Rekognition does.
   * @param {OperationName} name
   * @param {string} body JSON of the request
   * @returns {Promise<object>}
   */
  async call(name, body) {
    const count = this.#counts[name]; // A reset during this call starts a new count.
    count.total += 1;
    try {
      const response = await this.#respond(name, body, count);
      count.succeeded += 1;
      return response;
    } catch (error) {
      count.fail(error instanceof ServiceError ? error.code : "InternalServerError");
      throw error;
    }
  }

  /**
   * @param {OperationName} name
   * @param {string} body
   * @param {CallCount} count
   */
  async #respond(name, body, count) {
    this.#buckets.get(name)?.take();
    await this.#applyFault(this.#faults.take(name));
    const operation = OPERATIONS[name];
    const request = validateImage(parseJson(body));
    operation.validate(request);
    const image = await this.#readImage(request.Image);
    count.read(image.hash);
    const { ms = 0, ...fixedResults } = this.#latencies.get(name) ?? {};
    const analysis = operation.respond(request, (task) => this.vision.analyze(task, image), fixedResults);
    const [response] = await Promise.all([analysis, sleep(ms)]);
    return response;
  }

  /** @param {Fault | undefined} fault */
  async #applyFault(fault) {
    if (!fault) return;
    await sleep(fault.delay_ms ?? 0);
    const error = faultError(fault);
    if (error) throw error;
  }

  /**
   * @param {import("./types.js").ImageReference} reference
   * @returns {Promise<ImageContent>}
   */
  async #readImage({ Bytes, S3Object }) {
    const bytes = S3Object ? await this.readObject(S3Object) : decodeBytes(/** @type {string} */ (Bytes));
    formatOf(bytes);
    return { bytes, hash: createHash("sha256").update(bytes).digest("hex") };
  }
}

const emptyCounts = () =>
  /** @type {Record<OperationName, CallCount>} */ (
    Object.fromEntries(OPERATION_NAMES.map((name) => [name, new CallCount()]))
  );
