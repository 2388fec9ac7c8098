/** @import { Detection, ObjectDetector } from "./types.js" */
import { createHash } from "node:crypto";

const MAX_IMAGES = 1000;

/** @param {Uint8Array} image */
export const sha256 = (image) => createHash("sha256").update(image).digest("hex");

/**
 * Wrap a detector with a cache by SHA-256: the same bytes always give the same detections. Errors are not cached.
 * @param {ObjectDetector} detector
 * @param {number} [maxImages] maximum number of cached images; the oldest is evicted first
 * @returns {ObjectDetector}
 */
export function cached(detector, maxImages = MAX_IMAGES) {
  const results = /** @type {Map<string, Promise<Detection[]>>} */ (new Map());
  return {
    detect(image) {
      const hash = sha256(image);
      const result = results.get(hash) ?? detector.detect(image);
      results.set(hash, result);
      result.catch(() => results.delete(hash));
      if (results.size > maxImages) results.delete(/** @type {string} */ (results.keys().next().value));
      return result;
    },
  };
}
