/** @import { Corners, Point, ProbabilityMap } from "./text.js" */
import { convexHull, expand, smallestRectangle } from "./rectangles.mjs";

/** Probability from which a pixel belongs to text. */
const MIN_PIXEL = 0.3;
/** Minimum mean probability of the pixels of a region. */
const MIN_REGION = 0.6;
/** Minimum length of the shorter side in pixels of the map. */
const MIN_SIDE = 3;
/** The model marks the core of a line. The distance to its edges is area / perimeter times this ratio. */
const EXPANSION = 1.6;

/**
 * Find the rectangles around the connected regions of text, from top to bottom.
 * @param {ProbabilityMap} map
 * @returns {Corners[]} in pixels of the map
 */
export function textRegions(map) {
  const seen = new Uint8Array(map.data.length);
  const regions = /** @type {Corners[]} */ ([]);
  for (let at = 0; at < map.data.length; at += 1) {
    if (seen[at] || map.data[at] < MIN_PIXEL) continue;
    const { outline, mean } = regionAt(map, at, seen);
    const rectangle = smallestRectangle(convexHull(outline));
    if (mean < MIN_REGION || Math.min(rectangle.width, rectangle.height) < MIN_SIDE) continue;
    regions.push(expand(rectangle, EXPANSION));
  }
  return regions.sort(([a], [b]) => a[1] - b[1]);
}

/**
 * Collect the pixels that are connected with a pixel. Mark them as seen.
 * @param {ProbabilityMap} map
 * @param {number} start
 * @param {Uint8Array} seen
 * @returns {{ outline: Point[], mean: number }} first and last pixel of each row, and the mean probability
 */
function regionAt({ width, data }, start, seen) {
  const rows = /** @type {Map<number, [number, number]>} */ (new Map());
  const pending = [start];
  let [sum, count] = [0, 0];
  seen[start] = 1;
  while (pending.length > 0) {
    const at = /** @type {number} */ (pending.pop());
    const [x, y] = [at % width, Math.floor(at / width)];
    const [first, last] = rows.get(y) ?? [x, x];
    rows.set(y, [Math.min(first, x), Math.max(last, x)]);
    sum += data[at];
    count += 1;
    const left = x > 0 ? at - 1 : at;
    const right = x < width - 1 ? at + 1 : at;
    for (const next of [left, right, at - width, at + width]) {
      if (next < 0 || next >= data.length || seen[next] || data[next] < MIN_PIXEL) continue;
      seen[next] = 1;
      pending.push(next);
    }
  }
  return { outline: [...rows].flatMap(([y, [first, last]]) => pixelCorners(first, last, y)), mean: sum / count };
}

/**
 * @param {number} first
 * @param {number} last
 * @param {number} y
 * @returns {Point[]}
 */
const pixelCorners = (first, last, y) => [[first, y], [last + 1, y], [first, y + 1], [last + 1, y + 1]];
