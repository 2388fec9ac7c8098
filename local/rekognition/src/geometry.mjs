/** @import { BoundingBox, Placement } from "./types.js" */

/**
 * Centre an image in a square, keeping its aspect ratio, so that its longer side is `side`.
 * @param {{ width: number, height: number }} image pixels
 * @param {number} side pixels
 * @param {number} square the square's side in pixels
 * @returns {Placement}
 */
export function letterbox(image, side, square) {
  const scale = side / Math.max(image.width, image.height);
  const width = Math.max(1, Math.round(image.width * scale));
  const height = Math.max(1, Math.round(image.height * scale));
  return { left: Math.floor((square - width) / 2), top: Math.floor((square - height) / 2), width, height };
}

/**
 * Convert a box in the square to fractions of the image placed in it, clipped to the image.
 * @param {[number, number, number, number]} corners x1, y1, x2, y2 in the square's pixels
 * @param {Placement} placement
 * @returns {BoundingBox}
 */
export function boxInImage([x1, y1, x2, y2], placement) {
  const left = fraction(x1 - placement.left, placement.width);
  const top = fraction(y1 - placement.top, placement.height);
  return {
    Width: fraction(x2 - placement.left, placement.width) - left,
    Height: fraction(y2 - placement.top, placement.height) - top,
    Left: left,
    Top: top,
  };
}

/**
 * Return the overlap of two boxes: intersection over union, 0 to 1.
 * @param {BoundingBox} a
 * @param {BoundingBox} b
 */
export function overlap(a, b) {
  const width = Math.min(a.Left + a.Width, b.Left + b.Width) - Math.max(a.Left, b.Left);
  const height = Math.min(a.Top + a.Height, b.Top + b.Height) - Math.max(a.Top, b.Top);
  const shared = Math.max(0, width) * Math.max(0, height);
  return shared === 0 ? 0 : shared / (area(a) + area(b) - shared);
}

/** @param {BoundingBox} box */
const area = (box) => box.Width * box.Height;

/**
 * @param {number} part
 * @param {number} whole
 */
const fraction = (part, whole) => Math.min(1, Math.max(0, part / whole));
