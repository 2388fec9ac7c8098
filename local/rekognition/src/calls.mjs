/** @import { CallCounts, Fault } from "./types.js" */
import { ServiceError } from "./errors.mjs";

/**
 * Count the calls of an operation. `by_image` counts the calls whose image could be read, by SHA-256.
 * @implements {CallCounts}
 */
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

/**
 * @param {CallCounts[]} counts
 * @returns {CallCounts}
 */
export const sumOf = (counts) => ({
  total: counts.reduce((sum, { total }) => sum + total, 0),
  succeeded: counts.reduce((sum, { succeeded }) => sum + succeeded, 0),
  by_image: sumByKey(counts.map(({ by_image }) => by_image)),
  failed: sumByKey(counts.map(({ failed }) => failed)),
});

/** @param {Record<string, number>[]} counters */
function sumByKey(counters) {
  const sums = /** @type {Record<string, number>} */ ({});
  for (const counter of counters)
    for (const [key, count] of Object.entries(counter)) sums[key] = (sums[key] ?? 0) + count;
  return sums;
}

const KINDS = ["throttle", "slow", "error"];

/**
 * Faults to inject, in the order of their addition. Each applies to the next N calls, or to all calls until reset, of
 * one operation or of all.
 */
export class FaultQueue {
  #faults = /** @type {(Fault & { remaining: number })[]} */ ([]);

  /** @param {Fault} fault */
  add(fault) {
    if (!KINDS.includes(fault?.kind)) throw new ServiceError("BadFault", `kind must be one of ${KINDS.join(", ")}`);
    const remaining = fault.all ? Infinity : (fault.next ?? 1);
    if (!(remaining > 0)) throw new ServiceError("BadFault", "next must be above 0");
    this.#faults.push({ ...fault, remaining });
  }

  /**
   * @param {string} called name of the operation
   * @returns {Fault | undefined}
   */
  take(called) {
    const fault = this.#faults.find(({ remaining, operation = called }) => remaining > 0 && operation === called);
    if (fault) fault.remaining -= 1;
    return fault;
  }
}

const FAULT_CODE = { throttle: "ThrottlingException", error: "InternalServerError" };

/**
 * Return the error of a fault. A slow call has none.
 * @param {Fault} fault
 */
export function faultError({ kind, code, message, status }) {
  if (kind === "slow") return undefined;
  return new ServiceError(code ?? FAULT_CODE[kind], message ?? `Injected fault: ${kind}`, status);
}

/** A token bucket that refills with `perSecond` tokens per second and holds as many as one second provides. */
export class TokenBucket {
  #tokens;
  #refilledAt;

  /**
   * @param {number} perSecond
   * @param {() => number} now milliseconds
   */
  constructor(perSecond, now) {
    if (!(perSecond > 0)) throw new ServiceError("BadRate", "per_second must be above 0, or null for no limit");
    this.perSecond = perSecond;
    this.now = now;
    this.#tokens = Math.max(1, perSecond);
    this.#refilledAt = now();
  }

  /** Take a token, or throw the service's error if none is available. */
  take() {
    const now = this.now();
    const gained = ((now - this.#refilledAt) / 1000) * this.perSecond;
    this.#tokens = Math.min(Math.max(1, this.perSecond), this.#tokens + gained);
    this.#refilledAt = now;
    if (this.#tokens < 1) throw new ServiceError("ProvisionedThroughputExceededException", "Provisioned rate exceeded");
    this.#tokens -= 1;
  }
}
