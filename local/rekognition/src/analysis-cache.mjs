/** @import { Vision } from "./types.js" */

const MAX_IMAGES = 1000;

/**
 * Wrap the models with a cache by image and task: the same bytes always give the same result. Errors are not cached.
 * @param {Vision} vision
 * @param {number} [maxImages] maximum number of cached images; the oldest is evicted first
 * @returns {Vision}
 */
export function cached(vision, maxImages = MAX_IMAGES) {
  const images = /** @type {Map<string, Map<string, Promise<any>>>} */ (new Map());
  return {
    analyze(task, image) {
      const results = images.get(image.hash) ?? new Map();
      images.set(image.hash, results);
      if (images.size > maxImages) images.delete(/** @type {string} */ (images.keys().next().value));
      const result = results.get(task) ?? vision.analyze(task, image);
      results.set(task, result);
      result.catch(() => results.delete(task));
      return result;
    },
  };
}
