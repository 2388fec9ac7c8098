/** @import { DetectLabelsRequest, Detection, Fault, Label, Latency, ObjectDetector, ReadObject, Taxonomy } from "./types.js" */
import { setTimeout as sleep } from "node:timers/promises";
import { CallCount, faultError, FaultQueue, TokenBucket } from "./calls.mjs";
import { sha256 } from "./detection-cache.mjs";
import { ServiceError } from "./errors.mjs";
import { formatOf } from "./image.mjs";
import { filterLabels, labelsOf } from "./labels.mjs";
import { decodeBytes, validateRequest } from "./request.mjs";

const MODEL_VERSION = "3.0";

/** DetectLabels, its call counter and its fault injection. */
export class RekognitionEmulator {
  calls = new CallCount();
  #faults = new FaultQueue();
  #bucket = /** @type {TokenBucket | undefined} */ (undefined);
  #latency = /** @type {Latency | undefined} */ (undefined);

  /** @param {{ detector: ObjectDetector, readObject: ReadObject, taxonomy: Taxonomy, now?: () => number }} dependencies */
  constructor({ detector, readObject, taxonomy, now = () => performance.now() }) {
    this.detector = detector;
    this.readObject = readObject;
    this.taxonomy = taxonomy;
    this.now = now;
  }

  /** Clear the call counts and the faults. Keep the rate limit and the latency. */
  reset() {
    this.calls = new CallCount();
    this.#faults = new FaultQueue();
  }

  /** @param {Fault} fault */
  addFault(fault) {
    this.#faults.add(fault);
  }

  /** @param {number | null | undefined} perSecond maximum calls per second; null for no limit */
  setRateLimit(perSecond) {
    this.#bucket = perSecond == null ? undefined : new TokenBucket(perSecond, this.now);
  }

  /** @param {Latency | null} latency null for none */
  setLatency(latency) {
    if (latency && !(latency.ms >= 0)) throw new ServiceError("BadLatency", "ms must be 0 or more, or the body null");
    this.#latency = latency ?? undefined;
  }

  /**
   * @param {string} body JSON of a DetectLabels request
   * @returns {Promise<{ Labels: Label[], LabelModelVersion: string }>}
   */
  async detectLabels(body) {
    const { calls } = this; // A reset during this call starts a new count.
    calls.total += 1;
    try {
      const response = await this.#respond(body, calls);
      calls.succeeded += 1;
      return response;
    } catch (error) {
      calls.fail(error instanceof ServiceError ? error.code : "InternalServerError");
      throw error;
    }
  }

  /**
   * @param {string} body
   * @param {CallCount} calls
   */
  async #respond(body, calls) {
    this.#bucket?.take();
    await this.#applyFault(this.#faults.take());
    const request = validateRequest(parseJson(body));
    const image = await this.#readImage(request);
    formatOf(image);
    calls.read(sha256(image));
    const [labels] = await Promise.all([this.#detect(image), sleep(this.#latency?.ms ?? 0)]);
    return { Labels: filterLabels(labels, request), LabelModelVersion: MODEL_VERSION };
  }

  /** @param {Fault | undefined} fault */
  async #applyFault(fault) {
    if (!fault) return;
    await sleep(fault.delay_ms ?? 0);
    const error = faultError(fault);
    if (error) throw error;
  }

  /** @param {DetectLabelsRequest} request */
  async #readImage({ Image: { Bytes, S3Object } }) {
    return S3Object ? this.readObject(S3Object) : decodeBytes(/** @type {string} */ (Bytes));
  }

  /** @param {Uint8Array} image */
  async #detect(image) {
    return this.#latency?.labels ?? labelsOf(await this.detector.detect(image), this.taxonomy);
  }
}

/** @param {string} body */
export function parseJson(body) {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw Object.assign(new ServiceError("SerializationException", "The body is not JSON"), { cause });
  }
}
