/** @import { DecodedImage, Detection, RawDetection } from "./types.js" */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { loadGraphModel } from "@tensorflow/tfjs-converter";
import { boxInImage } from "./geometry.mjs";
import { distinct } from "./detections.mjs";
import { placeInSquare, scaleTo } from "./image.mjs";

const SQUARE = 512;
/** Two scales: an object that fills the square is often misclassified, and a small one is missed at a low scale. */
const SIDES = [512, 384];
/** Minimum score. Every image has dozens of boxes with a lower score. */
const MIN_SCORE = 0.1;

/** Load the detector: CenterNet for the 80 COCO classes. */
export async function loadObjectDetector() {
  const library = path.dirname(createRequire(import.meta.url).resolve("@vladmandic/human"));
  const graph = await loadGraphModel(fromFolder(path.join(library, "../models/"), "centernet"));
  return { detect: (/** @type {DecodedImage} */ image) => detect(graph, image) };
}

/**
 * @param {import("@tensorflow/tfjs-converter").GraphModel} graph
 * @param {DecodedImage} image
 * @returns {Promise<Detection[]>} highest score first
 */
async function detect(graph, image) {
  const scaled = await scaleTo(image, SQUARE);
  const found = /** @type {Detection[]} */ ([]);
  for (const side of SIDES) {
    const { pixels, placement } = await placeInSquare(scaled, side, SQUARE);
    for (const { index, score, corners } of run(graph, pixels))
      found.push({ index, score, box: boxInImage(corners, placement) });
  }
  return distinct(found);
}

/**
 * @param {import("@tensorflow/tfjs-converter").GraphModel} graph
 * @param {Uint8Array} pixels of the square, RGB
 * @returns {RawDetection[]}
 */
function run(graph, pixels) {
  const rows = tf.tidy(() => {
    const square = tf.tensor4d(new Float32Array(pixels), [1, SQUARE, SQUARE, 3]);
    const detections = /** @type {tf.Tensor3D} */ (graph.execute(square, "tower_0/detections"));
    return detections.arraySync()[0];
  });
  return rows
    .map(([x1, y1, x2, y2, score, index]) => ({ index, score, corners: /** @type {RawDetection["corners"]} */ ([x1, y1, x2, y2]) }))
    .filter(({ score }) => score >= MIN_SCORE);
}

/**
 * Load a model from a folder. TensorFlow.js itself only supports HTTP.
 * @param {string} folder ending in a separator
 * @param {string} name
 * @returns {import("@tensorflow/tfjs-core").io.IOHandler}
 */
const fromFolder = (folder, name) => ({
  async load() {
    const { modelTopology, signature, weightsManifest } = JSON.parse(await readFile(`${folder}${name}.json`, "utf8"));
    const weights = await readFile(`${folder}${name}.bin`);
    return { modelTopology, signature, weightSpecs: weightsManifest[0].weights, weightData: new Uint8Array(weights).buffer };
  },
});
