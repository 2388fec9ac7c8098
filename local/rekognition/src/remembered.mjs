/** @import { Detection, ObjectDetector } from "./types.js" */
import { createHash } from "node:crypto";

const KEPT = 1000;

/** @param {Uint8Array} image */
export const sha256 = (image) => createHash("sha256").update(image).digest("hex");

/**
 * A detector that looks at each image once: the same bytes always give the same detections. Errors are not kept.
 * @param {ObjectDetector} detector
 * @param {number} [kept] images remembered; the oldest goes first
 * @returns {ObjectDetector}
 */
export function remembered(detector, kept = KEPT) {
  const results = /** @type {Map<string, Promise<Detection[]>>} */ (new Map());
  return {
    detect(image) {
      const hash = sha256(image);
      const result = results.get(hash) ?? detector.detect(image);
      results.set(hash, result);
      result.catch(() => results.delete(hash));
      if (results.size > kept) results.delete(/** @type {string} */ (results.keys().next().value));
      return result;
    },
  };
}
