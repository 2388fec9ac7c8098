/** @import { Detection } from "./types.js" */
import { overlap } from "./geometry.mjs";

const SAME_OBJECT = 0.5;

/**
 * Each object once, best first: of two boxes of one class that overlap by half, the surer stays.
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
 * The model's score (0 to 1) as a confidence (0 to 100). A logistic curve: 0.25 is even odds, 0.47 is 90, 0.65 is 98.
 * @param {number} score
 */
export const confidence = (score) => 100 / (1 + Math.exp(-(score - 0.25) / 0.1));
