/** @import { Corners, Point } from "./text.js" */

/** Text is vertical if its rectangle is taller than it is wide by this ratio. */
const VERTICAL = 1.5;

/** @typedef {{ centre: Point, width: number, height: number, angle: number }} Rectangle angle in radians, clockwise */

/**
 * @param {Point[]} points
 * @returns {Point[]}
 */
export function convexHull(points) {
  const sorted = points.toSorted(([ax, ay], [bx, by]) => ax - bx || ay - by);
  const half = (/** @type {Point[]} */ ordered) => {
    const chain = /** @type {Point[]} */ ([]);
    for (const point of ordered) {
      while (chain.length >= 2 && turn(chain[chain.length - 2], chain[chain.length - 1], point) <= 0) chain.pop();
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  return [...half(sorted), ...half(sorted.toReversed())];
}

/**
 * Return whether three points turn right (below 0), left (above 0) or not at all (0).
 * @param {Point} a
 * @param {Point} b
 * @param {Point} c
 */
const turn = ([ax, ay], [bx, by], [cx, cy]) => (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);

/**
 * Return the rectangle with the smallest area around a convex hull. One of its sides lies on a side of the hull.
 * @param {Point[]} hull
 * @returns {Rectangle}
 */
export function smallestRectangle(hull) {
  const angles = hull.map(([x, y], at) => {
    const [nextX, nextY] = hull[(at + 1) % hull.length];
    return Math.atan2(nextY - y, nextX - x);
  });
  const rectangles = angles.map((angle) => rectangleAt(hull, angle));
  return rectangles.reduce((best, one) => (one.width * one.height < best.width * best.height ? one : best));
}

/**
 * @param {Point[]} hull
 * @param {number} angle
 * @returns {Rectangle}
 */
function rectangleAt(hull, angle) {
  const rotated = hull.map((point) => rotate(point, -angle));
  const [left, right] = range(rotated.map(([x]) => x));
  const [top, bottom] = range(rotated.map(([, y]) => y));
  return { centre: rotate([(left + right) / 2, (top + bottom) / 2], angle), width: right - left, height: bottom - top, angle };
}

/**
 * Expand a rectangle on all sides and return its corners in the reading direction of its text.
 * @param {Rectangle} rectangle
 * @param {number} ratio of the expansion to area / perimeter
 * @returns {Corners}
 */
export function expand({ centre, width, height, angle }, ratio) {
  const distance = ((width * height) / (2 * (width + height))) * ratio;
  const [along, across] = readingSides({ width: width + 2 * distance, height: height + 2 * distance, angle });
  const corner = (/** @type {number} */ x, /** @type {number} */ y) => {
    const [dx, dy] = rotate([(x * along.length) / 2, (y * across) / 2], along.angle);
    return /** @type {Point} */ ([centre[0] + dx, centre[1] + dy]);
  };
  return [corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1)];
}

/**
 * Return the side along which the text runs, to the right, and the length of the other side. A rectangle that is not
 * much higher than wide contains horizontal text.
 * @param {{ width: number, height: number, angle: number }} sides
 * @returns {[{ length: number, angle: number }, number]}
 */
function readingSides({ width, height, angle }) {
  const upright = Math.abs(Math.cos(angle)) >= Math.SQRT1_2;
  const horizontal = upright ? { length: width, angle } : { length: height, angle: angle + Math.PI / 2 };
  const vertical = upright ? { length: height, angle: angle + Math.PI / 2 } : { length: width, angle };
  const [along, across] = vertical.length > VERTICAL * horizontal.length ? [vertical, horizontal] : [horizontal, vertical];
  return [{ length: along.length, angle: toTheRight(along.angle) }, across.length];
}

/** @param {number} angle */
const toTheRight = (angle) => (Math.cos(angle) < 0 ? angle + Math.PI : angle);

/**
 * @param {Point} point
 * @param {number} angle
 * @returns {Point}
 */
const rotate = ([x, y], angle) => [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)];

/** @param {number[]} values */
const range = (values) => [Math.min(...values), Math.max(...values)];
