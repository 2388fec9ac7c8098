/** @import { Placement } from "./types.js" */
import sharp from "sharp";
import { imageTooLarge, invalidImageFormat, invalidParameter } from "./errors.mjs";
import { letterbox } from "./geometry.mjs";

const SIGNATURES = { jpeg: [0xff, 0xd8, 0xff], png: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] };
const MIN_SIDE = 80;
const MAX_SIDE = 10_000;
const WHITE = "#fff";
const BLACK = "#000";

/**
 * Return the format according to the first bytes. Throw for formats that Rekognition does not support, so that their
 * decoders never run.
 * @param {Uint8Array} image
 * @returns {"jpeg" | "png"}
 */
export function formatOf(image) {
  const known = Object.entries(SIGNATURES).find(([, signature]) => signature.every((byte, at) => image[at] === byte));
  if (!known) throw invalidImageFormat();
  return /** @type {"jpeg" | "png"} */ (known[0]);
}

/**
 * Decode the image to RGB with one byte per channel, scaled so that its longer side is `side`.
 * Like Rekognition, apply the Exif orientation of a JPEG but not of a PNG.
 * @param {Uint8Array} image
 * @param {number} side pixels
 */
export async function decode(image, side) {
  const format = formatOf(image);
  // "error" accepts minor defects, like the service, but rejects truncated images.
  const opened = sharp(image, { failOn: "error" });
  const { width, height } = await opened.metadata().catch(reject);
  checkSides(width, height);
  const upright = format === "jpeg" ? opened.autoOrient() : opened;
  const { data, info } = await upright
    .flatten({ background: WHITE })
    .toColourspace("srgb")
    .resize(side, side, { fit: "inside" })
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch(reject);
  return { pixels: data, width: info.width, height: info.height };
}

/**
 * Centre the image in a black square. Return the pixels of the square and the placement of the image.
 * @param {{ pixels: Uint8Array, width: number, height: number }} image RGB, one byte per channel
 * @param {number} side longer side of the image in pixels
 * @param {number} square side of the square in pixels
 * @returns {Promise<{ pixels: Uint8Array, placement: Placement }>}
 */
export async function placeInSquare({ pixels, width, height }, side, square) {
  const placement = letterbox({ width, height }, side, square);
  const { left, top } = placement;
  const right = square - left - placement.width;
  const bottom = square - top - placement.height;
  const framed = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .resize(placement.width, placement.height, { fit: "fill" })
    .extend({ left, top, right, bottom, background: BLACK })
    .raw()
    .toBuffer();
  return { pixels: framed, placement };
}

/**
 * @param {number} width
 * @param {number} height
 */
function checkSides(width, height) {
  if (Math.max(width, height) > MAX_SIDE)
    throw imageTooLarge(
      `Input image dimensions ${width} x ${height} exceed maximum dimension size of ${MAX_SIDE} pixels`,
    );
  if (Math.min(width, height) < MIN_SIDE)
    throw invalidParameter(`image dimensions ${width} x ${height} are below ${MIN_SIDE} pixels`);
}

/**
 * @param {unknown} cause error of the decoder
 * @returns {never}
 */
function reject(cause) {
  throw Object.assign(invalidImageFormat(), { cause });
}
