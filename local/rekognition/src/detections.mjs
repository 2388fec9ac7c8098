/** @import { Detection } from "./types.js" */
import { overlap } from "./geometry.mjs";

/** Minimum overlap (intersection over union) of two boxes of the same object. */
const SAME_OBJECT = 0.5;

/**
 * Remove duplicate detections (non-maximum suppression) and sort by score. Of two overlapping boxes of a class, the one
 * with the higher score is kept.
 * @param {Detection[]} detections
 * @returns {Detection[]}
 */
export function distinct(detections) {
  const kept = /** @type {Detection[]} */ ([]);
  for (const candidate of detections.toSorted((a, b) => b.score - a.score)) {
    if (!kept.some((one) => sameObject(one, candidate))) kept.push(candidate);
  }
  return kept;
}

/**
 * @param {Detection} a
 * @param {Detection} b
 */
const sameObject = (a, b) => a.index === b.index && overlap(a.box, b.box) >= SAME_OBJECT;

/**
 * Convert the model's score (0 to 1) to a confidence (0 to 100) with a logistic curve: 0.25 gives 50, 0.47 gives 90,
 * 0.65 gives 98.
 * @param {number} score
 */
export const confidence = (score) => 100 / (1 + Math.exp(-(score - 0.25) / 0.1));
