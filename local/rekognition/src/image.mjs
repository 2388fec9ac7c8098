/** @import { DecodedImage, Pixels, Placement } from "./types.js" */
import sharp from "sharp";
import { imageTooLarge, invalidImageFormat, invalidParameter } from "./errors.mjs";
import { letterbox } from "./geometry.mjs";

const SIGNATURES = { jpeg: [0xff, 0xd8, 0xff], png: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] };
const MIN_SIDE = 80;
const MAX_SIDE = 10_000;
/** Longer side of a decoded image. Text needs this many pixels; the other models use fewer. */
const DECODED_SIDE = 1600;
const WHITE = "#fff";
const BLACK = "#000";

// No operation on an image is repeated.
sharp.cache(false);

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
 * Decode the image to RGB with one byte per channel, and reduce it if a side has more than 1,600 px.
 * Like Rekognition, apply the Exif orientation of a JPEG but not of a PNG. Transparent pixels become white.
 * @param {Uint8Array} image bytes of a JPEG or PNG
 * @returns {Promise<DecodedImage>}
 */
export async function decode(image) {
  const format = formatOf(image);
  // "error" accepts minor defects, like the service, but rejects truncated images.
  const opened = sharp(image, { failOn: "error" });
  const { width, height, autoOrient } = await opened.metadata().catch(reject);
  checkSides(width, height);
  const upright = format === "jpeg" ? opened.autoOrient() : opened;
  const original = format === "jpeg" ? autoOrient : { width, height };
  const { data, info } = await upright
    .flatten({ background: WHITE })
    .toColourspace("srgb")
    .resize(DECODED_SIDE, DECODED_SIDE, { fit: "inside", withoutEnlargement: true })
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch(reject);
  return {
    pixels: data,
    width: info.width,
    height: info.height,
    originalWidth: original.width,
    originalHeight: original.height,
  };
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
 * Resize a part of the image to a square without keeping its aspect ratio.
 * @param {DecodedImage} image
 * @param {{ left: number, top: number, width: number, height: number }} region pixels of the image
 * @param {number} side pixels
 * @returns {Promise<Uint8Array>} RGB, one byte per channel
 */
export const resizeRegion = ({ pixels, width, height }, region, side) =>
  sharp(pixels, { raw: { width, height, channels: 3 } }).extract(region).resize(side, side, { fit: "fill" }).raw().toBuffer();

/**
 * Scale the image so that its longer side is `side`.
 * @param {Pixels} image
 * @param {number} side pixels
 * @returns {Promise<Pixels>}
 */
export async function scaleTo({ pixels, width, height }, side) {
  const { data, info } = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .resize(side, side, { fit: "inside" })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { pixels: data, width: info.width, height: info.height };
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
