/** @import { BoundingBox, DominantColor, ImageQuality, ImageProperties, Pixels } from "./types.js" */
import { readFileSync } from "node:fs";

/** @type {Record<string, Record<string, string>>} names of CSS by simplified name */
const CSS_COLORS = JSON.parse(readFileSync(new URL("css-colors.json", import.meta.url), "utf8"));

const COLORS = Object.entries(CSS_COLORS).flatMap(([SimplifiedColor, group]) =>
  Object.entries(group).map(([CSSColor, hex]) => {
    const [Red, Green, Blue] = [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
    return { Red, Green, Blue, HexCode: `#${hex}`, CSSColor, SimplifiedColor };
  }),
);

/** The mean difference of a pixel from its neighbours, 0 to 255, that gives a sharpness of 63. */
const SHARPNESS_SCALE = 8;

/** @typedef {(x: number, y: number) => boolean} Region whether a pixel of the thumbnail is part of it */

/**
 * Return the quality and the dominant colours of the image, of the boxes of its objects (foreground) and of the rest
 * (background). A region without pixels is missing.
 * @param {Pixels} thumbnail
 * @param {BoundingBox[]} boxes
 * @param {number} maxColors
 * @returns {ImageProperties}
 */
export function imageProperties(thumbnail, boxes, maxColors) {
  const objects = boxes.map((box) => insideOf(box, thumbnail));
  const isForeground = /** @type {Region} */ ((x, y) => objects.some((inside) => inside(x, y)));
  const foreground = describe(thumbnail, isForeground, maxColors);
  const background = describe(thumbnail, (x, y) => !isForeground(x, y), maxColors);
  return {
    ...describe(thumbnail, () => true, maxColors),
    ...(foreground && { Foreground: foreground }),
    ...(background && { Background: background }),
  };
}

/**
 * @param {Pixels} thumbnail
 * @param {BoundingBox} box
 * @param {number} maxColors
 */
export const colorsOfBox = (thumbnail, box, maxColors) => dominantColors(pixelsOf(thumbnail, insideOf(box, thumbnail)), maxColors);

/**
 * @param {Pixels} thumbnail
 * @param {Region} region
 * @param {number} maxColors
 */
function describe(thumbnail, region, maxColors) {
  const pixels = pixelsOf(thumbnail, region);
  if (pixels.length === 0) return undefined;
  return { Quality: quality(thumbnail, pixels), DominantColors: dominantColors(pixels, maxColors) };
}

/**
 * @param {BoundingBox} box
 * @param {Pixels} thumbnail
 * @returns {Region}
 */
function insideOf({ Left, Top, Width, Height }, { width, height }) {
  const [left, top] = [Math.floor(Left * width), Math.floor(Top * height)];
  const [right, bottom] = [Math.ceil((Left + Width) * width), Math.ceil((Top + Height) * height)];
  return (x, y) => x >= left && x < right && y >= top && y < bottom;
}

/** @typedef {{ x: number, y: number, red: number, green: number, blue: number }} Pixel */

/**
 * @param {Pixels} thumbnail
 * @param {Region} region
 * @returns {Pixel[]}
 */
function pixelsOf({ pixels, width, height }, region) {
  const found = [];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = (y * width + x) * 3;
      if (region(x, y)) found.push({ x, y, red: pixels[at], green: pixels[at + 1], blue: pixels[at + 2] });
    }
  }
  return found;
}

/**
 * Count each pixel for the nearest colour of CSS.
 * @param {Pixel[]} pixels
 * @param {number} maxColors
 * @returns {DominantColor[]} most frequent first
 */
function dominantColors(pixels, maxColors) {
  const counts = new Map();
  for (const pixel of pixels) {
    const color = nearestColor(pixel);
    counts.set(color, (counts.get(color) ?? 0) + 1);
  }
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, maxColors)
    .map(([color, count]) => ({ ...color, PixelPercent: (100 * count) / pixels.length }));
}

/** @param {Pixel} pixel */
function nearestColor({ red, green, blue }) {
  let nearest = COLORS[0];
  let smallest = Infinity;
  for (const color of COLORS) {
    const distance = (color.Red - red) ** 2 + (color.Green - green) ** 2 + (color.Blue - blue) ** 2;
    if (distance < smallest) [nearest, smallest] = [color, distance];
  }
  return nearest;
}

/**
 * Measure brightness (mean), contrast (standard deviation) and sharpness (difference from the neighbours), 0 to 100.
 * @param {Pixels} thumbnail
 * @param {Pixel[]} pixels
 * @returns {ImageQuality}
 */
function quality(thumbnail, pixels) {
  const levels = pixels.map(luminance);
  const average = mean(levels);
  const deviation = Math.sqrt(mean(levels.map((level) => (level - average) ** 2)));
  const edges = mean(pixels.map((pixel) => edgeAt(thumbnail, pixel)));
  return {
    Brightness: (100 * average) / 255,
    Sharpness: 100 * (1 - Math.exp(-edges / SHARPNESS_SCALE)),
    Contrast: Math.min(100, (200 * deviation) / 255),
  };
}

/**
 * @param {Pixels} thumbnail
 * @param {Pixel} pixel
 */
function edgeAt({ pixels, width, height }, pixel) {
  const level = (/** @type {number} */ x, /** @type {number} */ y) => {
    const at = (Math.min(height - 1, Math.max(0, y)) * width + Math.min(width - 1, Math.max(0, x))) * 3;
    return luminance({ red: pixels[at], green: pixels[at + 1], blue: pixels[at + 2] });
  };
  const { x, y } = pixel;
  const neighbours = (level(x - 1, y) + level(x + 1, y) + level(x, y - 1) + level(x, y + 1)) / 4;
  return Math.abs(luminance(pixel) - neighbours);
}

/** @param {Pick<Pixel, "red" | "green" | "blue">} pixel */
const luminance = ({ red, green, blue }) => 0.299 * red + 0.587 * green + 0.114 * blue;

/** @param {number[]} numbers */
const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
