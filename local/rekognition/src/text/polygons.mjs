/** @import { BoundingBox, PolygonPoint } from "../types.js" */

/**
 * @param {PolygonPoint[]} polygon
 * @returns {BoundingBox}
 */
export function boundingBoxOf(polygon) {
  const [xs, ys] = [polygon.map(({ X }) => X), polygon.map(({ Y }) => Y)];
  const [Left, Top] = [Math.min(...xs), Math.min(...ys)];
  return { Width: Math.max(...xs) - Left, Height: Math.max(...ys) - Top, Left, Top };
}

/** @param {PolygonPoint[]} polygon */
export const areaOf = (polygon) => Math.abs(signedArea(polygon));

/**
 * Return the area that a polygon shares with a convex one. Cut the polygon along each side of the convex one.
 * @param {PolygonPoint[]} polygon
 * @param {PolygonPoint[]} convex
 */
export function sharedArea(polygon, convex) {
  const clockwise = signedArea(convex) < 0 ? convex.toReversed() : convex;
  const shared = clockwise.reduce((rest, from, at) => cut(rest, from, clockwise[(at + 1) % clockwise.length]), polygon);
  return areaOf(shared);
}

/**
 * Return the part of a polygon to the right of a line, where Y increases downwards.
 * @param {PolygonPoint[]} polygon
 * @param {PolygonPoint} from
 * @param {PolygonPoint} to
 */
function cut(polygon, from, to) {
  const side = (/** @type {PolygonPoint} */ { X, Y }) => (to.X - from.X) * (Y - from.Y) - (to.Y - from.Y) * (X - from.X);
  return polygon.flatMap((point, at) => {
    const next = polygon[(at + 1) % polygon.length];
    const [here, there] = [side(point), side(next)];
    const kept = here >= 0 ? [point] : [];
    return here >= 0 === there >= 0 ? kept : [...kept, between(point, next, here / (here - there))];
  });
}

/**
 * @param {PolygonPoint} a
 * @param {PolygonPoint} b
 * @param {number} part
 */
const between = (a, b, part) => ({ X: a.X + (b.X - a.X) * part, Y: a.Y + (b.Y - a.Y) * part });

/** @param {PolygonPoint[]} polygon */
function signedArea(polygon) {
  const products = polygon.map(({ X, Y }, at) => {
    const next = polygon[(at + 1) % polygon.length];
    return X * next.Y - next.X * Y;
  });
  return products.reduce((sum, product) => sum + product, 0) / 2;
}
