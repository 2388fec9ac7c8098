/** @import { DetectLabelsRequest, Detection, Fault, Label, Latency, ObjectDetector, ReadObject, Taxonomy } from "./types.js" */
import { setTimeout as sleep } from "node:timers/promises";
import { CallCount, failureOf, FaultQueue, TokenBucket } from "./calls.mjs";
import { ServiceError } from "./errors.mjs";
import { asked, labelsOf } from "./labels.mjs";
import { formatOf } from "./picture.mjs";
import { sha256 } from "./remembered.mjs";
import { bytesOf, checked } from "./request.mjs";

const MODEL_VERSION = "3.0";

/** DetectLabels, and the controls that make it misbehave. */
export class StandIn {
  calls = new CallCount();
  #faults = new FaultQueue();
  #bucket = /** @type {TokenBucket | undefined} */ (undefined);
  #latency = /** @type {Latency | undefined} */ (undefined);

  /** @param {{ detector: ObjectDetector, readObject: ReadObject, taxonomy: Taxonomy, now?: () => number }} parts */
  constructor({ detector, readObject, taxonomy, now = () => performance.now() }) {
    this.detector = detector;
    this.readObject = readObject;
    this.taxonomy = taxonomy;
    this.now = now;
  }

  /** Forgets the counts and the faults; rate and latency stay. */
  reset() {
    this.calls = new CallCount();
    this.#faults = new FaultQueue();
  }

  /** @param {Fault} fault */
  addFault(fault) {
    this.#faults.add(fault);
  }

  /** @param {number | null | undefined} perSecond calls; null for no limit */
  limitRate(perSecond) {
    this.#bucket = perSecond == null ? undefined : new TokenBucket(perSecond, this.now);
  }

  /** @param {Latency | null} latency null for as fast as it goes */
  setLatency(latency) {
    if (latency && !(latency.ms >= 0)) throw new ServiceError("BadLatency", "ms must be 0 or more, or the body null");
    this.#latency = latency ?? undefined;
  }

  /**
   * @param {string} body JSON of a DetectLabels request
   * @returns {Promise<{ Labels: Label[], LabelModelVersion: string }>}
   */
  async detectLabels(body) {
    const { calls } = this; // a reset while this call runs starts another count
    calls.total += 1;
    try {
      const answer = await this.#answer(body, calls);
      calls.succeeded += 1;
      return answer;
    } catch (error) {
      calls.fail(error instanceof ServiceError ? error.code : "InternalServerError");
      throw error;
    }
  }

  /**
   * @param {string} body
   * @param {CallCount} calls
   */
  async #answer(body, calls) {
    this.#bucket?.take();
    await this.#suffer(this.#faults.take());
    const request = checked(parsed(body));
    const image = await this.#imageOf(request);
    formatOf(image);
    calls.read(sha256(image));
    const [labels] = await Promise.all([this.#labelsOf(image), sleep(this.#latency?.ms ?? 0)]);
    return { Labels: asked(labels, request), LabelModelVersion: MODEL_VERSION };
  }

  /** @param {Fault | undefined} fault */
  async #suffer(fault) {
    if (!fault) return;
    await sleep(fault.delay_ms ?? 0);
    const failure = failureOf(fault);
    if (failure) throw failure;
  }

  /** @param {DetectLabelsRequest} request */
  async #imageOf({ Image: { Bytes, S3Object } }) {
    return S3Object ? this.readObject(S3Object) : bytesOf(/** @type {string} */ (Bytes));
  }

  /** @param {Uint8Array} image */
  async #labelsOf(image) {
    return this.#latency?.labels ?? labelsOf(await this.detector.detect(image), this.taxonomy);
  }
}

/** @param {string} body */
export function parsed(body) {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw Object.assign(new ServiceError("SerializationException", "The body is not JSON"), { cause });
  }
}
