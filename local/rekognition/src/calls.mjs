/** @import { Fault } from "./types.js" */
import { ServiceError } from "./errors.mjs";

/** Counts every DetectLabels call. `by_image` counts those whose image was read, by its SHA-256. */
export class CallCount {
  total = 0;
  succeeded = 0;
  by_image = /** @type {Record<string, number>} */ ({});
  failed = /** @type {Record<string, number>} */ ({});

  /** @param {string} hash */
  read(hash) {
    this.by_image[hash] = (this.by_image[hash] ?? 0) + 1;
  }

  /** @param {string} code */
  fail(code) {
    this.failed[code] = (this.failed[code] ?? 0) + 1;
  }
}

const KINDS = ["throttle", "slow", "error"];

/** The faults to come, first come first served: each for its next N calls, or for all until reset. */
export class FaultQueue {
  #faults = /** @type {(Fault & { left: number })[]} */ ([]);

  /** @param {Fault} fault */
  add(fault) {
    if (!KINDS.includes(fault?.kind)) throw new ServiceError("BadFault", `kind must be one of ${KINDS.join(", ")}`);
    const left = fault.all ? Infinity : (fault.next ?? 1);
    if (!(left > 0)) throw new ServiceError("BadFault", "next must be above 0");
    this.#faults.push({ ...fault, left });
  }

  /** @returns {Fault | undefined} */
  take() {
    const fault = this.#faults.find(({ left }) => left > 0);
    if (fault) fault.left -= 1;
    return fault;
  }
}

const FAULT_CODE = { throttle: "ThrottlingException", error: "InternalServerError" };

/**
 * What a fault makes a call fail with; a slow call does not fail.
 * @param {Fault} fault
 */
export function failureOf({ kind, code, message, status }) {
  if (kind === "slow") return undefined;
  return new ServiceError(code ?? FAULT_CODE[kind], message ?? `A fault of kind ${kind} was asked for`, status);
}

/** Lets `perSecond` calls a second pass, and as many at once after a quiet second. */
export class TokenBucket {
  #tokens;
  #filledAt;

  /**
   * @param {number} perSecond
   * @param {() => number} now milliseconds
   */
  constructor(perSecond, now) {
    if (!(perSecond > 0)) throw new ServiceError("BadRate", "per_second must be above 0, or null for no limit");
    this.perSecond = perSecond;
    this.now = now;
    this.#tokens = Math.max(1, perSecond);
    this.#filledAt = now();
  }

  /** Throws the error of the service when there is no token left. */
  take() {
    const now = this.now();
    const gained = ((now - this.#filledAt) / 1000) * this.perSecond;
    this.#tokens = Math.min(Math.max(1, this.perSecond), this.#tokens + gained);
    this.#filledAt = now;
    if (this.#tokens < 1) throw new ServiceError("ProvisionedThroughputExceededException", "Provisioned rate exceeded");
    this.#tokens -= 1;
  }
}
