/** @import { DecodedImage } from "../types.js" */
/** @import { Corners, Point } from "./text.js" */

/**
 * Cut a rotated rectangle out of an image and scale it to a height. Each pixel is the mean of as many samples as it
 * covers pixels of the image, so that large text does not become noise. Pixels outside of the image repeat its edge.
 * @param {DecodedImage} image
 * @param {Corners} corners in pixels of the image
 * @param {number} width
 * @param {number} height
 * @returns {Float32Array} RGB, 0 to 255
 */
export function cropRotated(image, [origin, right, , down], width, height) {
  const step = { x: scaled(origin, right, width), y: scaled(origin, down, height) };
  const samples = { x: sampleCount(step.x), y: sampleCount(step.y) };
  const pixels = new Float32Array(width * height * 3);
  for (let y = 0; y < height * samples.y; y += 1) {
    for (let x = 0; x < width * samples.x; x += 1) {
      const along = (x + 0.5) / samples.x;
      const across = (y + 0.5) / samples.y;
      const to = (Math.floor(y / samples.y) * width + Math.floor(x / samples.x)) * 3;
      const sourceX = origin[0] + along * step.x[0] + across * step.y[0];
      const sourceY = origin[1] + along * step.x[1] + across * step.y[1];
      addSample(image, sourceX, sourceY, pixels, to);
    }
  }
  return pixels.map((sum) => sum / (samples.x * samples.y));
}

/**
 * Return the distance of two points, divided by a number of pixels.
 * @param {Point} from
 * @param {Point} to
 * @param {number} pixels
 * @returns {Point}
 */
const scaled = (from, to, pixels) => [(to[0] - from[0]) / pixels, (to[1] - from[1]) / pixels];

/** @param {Point} step */
const sampleCount = (step) => Math.max(1, Math.round(Math.hypot(...step)));

/**
 * Add the colour at a point, interpolated between the four pixels around it.
 * @param {DecodedImage} image
 * @param {number} x
 * @param {number} y
 * @param {Float32Array} sums
 * @param {number} to
 */
function addSample({ width, height, pixels }, x, y, sums, to) {
  const left = limit(x - 0.5, width - 1);
  const top = limit(y - 0.5, height - 1);
  const column = Math.floor(left);
  const row = Math.floor(top);
  const dx = left - column;
  const dy = top - row;
  const nextColumn = column < width - 1 ? 3 : 0;
  const nextRow = row < height - 1 ? width * 3 : 0;
  const at = (row * width + column) * 3;
  for (let channel = 0; channel < 3; channel += 1) {
    const first = at + channel;
    const upper = pixels[first] * (1 - dx) + pixels[first + nextColumn] * dx;
    const lower = pixels[first + nextRow] * (1 - dx) + pixels[first + nextRow + nextColumn] * dx;
    sums[to + channel] += upper * (1 - dy) + lower * dy;
  }
}

/**
 * @param {number} value
 * @param {number} max
 */
const limit = (value, max) => Math.min(max, Math.max(0, value));
