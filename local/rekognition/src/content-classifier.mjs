/** @import { ContentProbabilities, DecodedImage } from "./types.js" */
import * as tf from "@tensorflow/tfjs-core";
import { loadGraph } from "./graph-executor.mjs";
import { resizeRegion } from "./image.mjs";

const SIDE = 224;
/** The models of nsfwjs and their input ranges: from 0 to 1, and from -1 to 1. */
const MODELS = [
  { folder: "moderation", toInput: (/** @type {number} */ level) => level / 255 },
  { folder: "moderation-mid", toInput: (/** @type {number} */ level) => level / 127.5 - 1 },
];

/** Load the moderation models, which judge an image independently of each other. */
export async function loadContentClassifier() {
  const models = await Promise.all(MODELS.map(async ({ folder, toInput }) => ({
    toInput,
    graph: await loadGraph(new URL(`../weights/${folder}/`, import.meta.url)),
  })));
  return {
    /** @param {DecodedImage} image @returns {Promise<ContentProbabilities[]>} */
    async classify(image) {
      const pixels = await resizeRegion(image, { left: 0, top: 0, width: image.width, height: image.height }, SIDE);
      return models.map(({ graph, toInput }) => run(graph, new Float32Array(pixels).map(toInput)));
    },
  };
}

/**
 * @param {import("./graph-executor.mjs").Graph} graph
 * @param {Float32Array} input
 * @returns {ContentProbabilities}
 */
function run(graph, input) {
  const probabilities = tf.tidy(() => graph.run({ image: tf.tensor4d(input, [1, SIDE, SIDE, 3]) }).probabilities.dataSync());
  const [drawing, hentai, neutral, porn, sexy] = probabilities;
  return { drawing, hentai, neutral, porn, sexy };
}
