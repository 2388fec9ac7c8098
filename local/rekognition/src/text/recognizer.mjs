/** @import { DecodedImage } from "../types.js" */
/** @import { Corners, Point, ProbabilityMap, ReadCharacter, TextLine, TextRecognizer } from "./text.js" */
import { readFile } from "node:fs/promises";
import sharp from "sharp";
import * as tf from "@tensorflow/tfjs-core";
import { MAX_WORDS } from "../detect-text.mjs";
import { loadGraph } from "../graph-executor.mjs";
import { decode, lineOf, scoreOf } from "./characters.mjs";
import { cropRotated } from "./crop.mjs";
import { textRegions } from "./regions.mjs";

const WEIGHTS = new URL("../../weights/", import.meta.url);
/** Maximum size of the image in which lines are detected: the time and the memory grow with its pixels. */
const DETECTION_LIMIT = { side: 960, pixels: 640_000 };
/** The detection model halves its input five times. */
const DETECTION_MULTIPLE = 32;
/** Mean and standard deviation of the colours of ImageNet, in the order of the model: blue, green, red. */
const DETECTION_COLORS = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
const RECOGNITION_COLORS = { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] };
/** Height of the line images of the recognition model. */
const LINE_HEIGHT = 48;
/** The recognition model returns one step per 8 pixels. */
const LINE_MULTIPLE = 8;
const LINE_WIDTH = { min: 48, max: 2400 };
/** Maximum number of regions to read. It bounds the time for textures that look like text. */
const MAX_REGIONS = 200;
/** Lines that are steeper than 60 degrees are read in both directions. */
const STEEP = Math.cos(Math.PI / 3);

/**
 * Load the models.
 * @returns {Promise<TextRecognizer>}
 */
export async function loadTextRecognizer() {
  const [detection, recognition, characters] = await Promise.all([
    loadGraph(new URL("text-detection/", WEIGHTS)),
    loadGraph(new URL("text-recognition/", WEIGHTS)),
    readFile(new URL("text-recognition/characters.json", WEIGHTS), "utf8"),
  ]);
  const reader = new LineReader(recognition, JSON.parse(characters));
  return { recognize: async (image) => readLines(image, await findLines(image, detection), reader) };
}

/**
 * @param {DecodedImage} image
 * @param {import("../graph-executor.mjs").Graph} detection
 * @returns {Promise<Corners[]>} in pixels of the image
 */
async function findLines({ width, height, pixels }, detection) {
  const [scaledWidth, scaledHeight] = detectionSize(width, height);
  const scaled = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .resize(scaledWidth, scaledHeight, { fit: "fill", kernel: "linear" })
    .raw()
    .toBuffer();
  const map = run(detection, scaled, [scaledHeight, scaledWidth], DETECTION_COLORS);
  const regions = textRegions({ width: scaledWidth, height: scaledHeight, data: map });
  const toImage = (/** @type {Point} */ [x, y]) => [(x * width) / scaledWidth, (y * height) / scaledHeight];
  return regions.map((corners) => /** @type {Corners} */ (corners.map(toImage)));
}

/**
 * Return the size of the image in which lines are detected.
 * @param {number} width
 * @param {number} height
 */
function detectionSize(width, height) {
  const { side, pixels } = DETECTION_LIMIT;
  const scale = Math.min(1, side / Math.max(width, height), Math.sqrt(pixels / (width * height)));
  const rounded = (/** @type {number} */ length) =>
    Math.max(1, Math.round((length * scale) / DETECTION_MULTIPLE)) * DETECTION_MULTIPLE;
  return [rounded(width), rounded(height)];
}

/**
 * Read lines until the maximum number of words is reached.
 * @param {DecodedImage} image
 * @param {Corners[]} regions
 * @param {LineReader} reader
 */
function readLines(image, regions, reader) {
  const lines = /** @type {TextLine[]} */ ([]);
  let words = 0;
  for (const corners of regions.slice(0, MAX_REGIONS)) {
    if (words >= MAX_WORDS) break;
    const line = reader.read(image, corners);
    if (line) lines.push(line);
    words += line?.words.length ?? 0;
  }
  return lines;
}

/** Reads the text of one line. */
class LineReader {
  /**
   * @param {import("../graph-executor.mjs").Graph} recognition
   * @param {string[]} classes
   */
  constructor(recognition, classes) {
    this.recognition = recognition;
    this.classes = classes;
  }

  /**
   * @param {DecodedImage} image
   * @param {Corners} corners in pixels of the image
   */
  read(image, corners) {
    const [best] = directions(corners)
      .map((direction) => ({ direction, characters: this.#readCharacters(image, direction) }))
      .sort((a, b) => scoreOf(b.characters) - scoreOf(a.characters));
    const inImage = best.direction.map(([x, y]) => [x / image.width, y / image.height]);
    return lineOf(best.characters, /** @type {Corners} */ (inImage));
  }

  /**
   * @param {DecodedImage} image
   * @param {Corners} corners
   * @returns {ReadCharacter[]}
   */
  #readCharacters(image, corners) {
    const width = lineWidth(corners);
    const pixels = cropRotated(image, corners, width, LINE_HEIGHT);
    return decode(run(this.recognition, pixels, [LINE_HEIGHT, width], RECOGNITION_COLORS), this.classes);
  }
}

/**
 * Return the corners for each direction in which the line may be read.
 * @param {Corners} corners
 * @returns {Corners[]}
 */
function directions(corners) {
  const [a, b, c, d] = corners;
  const steep = Math.abs(b[0] - a[0]) < STEEP * distance(a, b);
  return steep ? [corners, [c, d, a, b]] : [corners];
}

/** @param {Corners} corners */
function lineWidth([a, b, , d]) {
  const width = (LINE_HEIGHT * distance(a, b)) / distance(a, d);
  const rounded = Math.round(width / LINE_MULTIPLE) * LINE_MULTIPLE;
  return Math.min(LINE_WIDTH.max, Math.max(LINE_WIDTH.min, rounded));
}

/**
 * @param {Point} a
 * @param {Point} b
 */
const distance = (a, b) => Math.hypot(b[0] - a[0], b[1] - a[1]);

/**
 * Run a model on pixels and return its output.
 * @param {import("../graph-executor.mjs").Graph} graph
 * @param {ArrayLike<number>} pixels RGB, 0 to 255
 * @param {[number, number]} size height and width
 * @param {{ mean: number[], deviation: number[] }} colors
 * @returns {Float32Array}
 */
function run(graph, pixels, [height, width], { mean, deviation }) {
  const normalized = new Float32Array(pixels.length);
  for (let at = 0; at < pixels.length; at += 1) {
    const channel = 2 - (at % 3);
    normalized[at - (at % 3) + channel] = (pixels[at] / 255 - mean[channel]) / deviation[channel];
  }
  const [output] = tf.tidy(() => Object.values(graph.run({ x: tf.tensor4d(normalized, [1, height, width, 3]) })));
  // Not in tidy: it searches for tensors in each number of its result.
  const numbers = /** @type {Float32Array} */ (output.dataSync());
  output.dispose();
  return numbers;
}
