/** @import { DecodedImage } from "./types.js" */
import * as tf from "@tensorflow/tfjs-core";
import { loadGraph } from "./graph-executor.mjs";
import { resizeRegion } from "./image.mjs";

const SIDE = 224;

/** Load the classifier: EfficientNet-Lite0 for the 1,000 classes of ImageNet. */
export async function loadClassifier() {
  const graph = await loadGraph(new URL("../weights/classifier/", import.meta.url));
  return { classify: (/** @type {DecodedImage} */ image) => classify(graph, image) };
}

/**
 * Return the mean probabilities of two views: the whole image, and the square in its middle, which is not distorted.
 * @param {import("./graph-executor.mjs").Graph} graph
 * @param {DecodedImage} image
 * @returns {Promise<Float32Array>}
 */
async function classify(graph, image) {
  const views = /** @type {Float32Array[]} */ ([]);
  for (const region of viewsOf(image)) views.push(run(graph, await resizeRegion(image, region, SIDE)));
  return views[0].map((_, at) => views.reduce((sum, view) => sum + view[at], 0) / views.length);
}

/** @param {DecodedImage} image */
function viewsOf({ width, height }) {
  const side = Math.min(width, height);
  const whole = { left: 0, top: 0, width, height };
  if (width === height) return [whole];
  return [whole, { left: Math.floor((width - side) / 2), top: Math.floor((height - side) / 2), width: side, height: side }];
}

/**
 * @param {import("./graph-executor.mjs").Graph} graph
 * @param {Uint8Array} pixels
 * @returns {Float32Array}
 */
function run(graph, pixels) {
  return tf.tidy(() => {
    const image = tf.tensor4d(new Float32Array(pixels).map((level) => (level - 127) / 128), [1, SIDE, SIDE, 3]);
    return /** @type {Float32Array} */ (graph.run({ image }).probabilities.dataSync()).slice();
  });
}
