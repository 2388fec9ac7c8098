/** @import { Analyses, DecodedImage } from "./types.js" */
import { loadClassifier } from "./classifier.mjs";
import { loadContentClassifier } from "./content-classifier.mjs";
import { startBackend } from "./graph-executor.mjs";
import { scaleTo } from "./image.mjs";
import { loadObjectDetector } from "./object-detector.mjs";

/** @typedef {{ [Task in keyof Analyses]: (image: DecodedImage) => Promise<Analyses[Task]> }} Tasks */

const THUMBNAIL_SIDE = 128;

/**
 * Load the models. Those of DetectLabels are loaded now, and the others with the first call that needs them.
 * @returns {Promise<Tasks>}
 */
export async function loadTasks() {
  await startBackend();
  const [objectDetector, classifier] = await Promise.all([loadObjectDetector(), loadClassifier()]);
  const contentClassifier = lazy(loadContentClassifier);
  const textRecognizer = lazy(loadTextRecognizer);
  return {
    objects: (image) => objectDetector.detect(image),
    classes: (image) => classifier.classify(image),
    content: async (image) => (await contentClassifier()).classify(image),
    text: async (image) => (await textRecognizer()).recognize(image),
    thumbnail: (image) => scaleTo(image, THUMBNAIL_SIDE),
  };
}

async function loadTextRecognizer() {
  const recognizer = await import("./text/recognizer.mjs");
  return recognizer.loadTextRecognizer();
}

/**
 * @template T
 * @param {() => Promise<T>} load
 */
function lazy(load) {
  let loading = /** @type {Promise<T> | undefined} */ (undefined);
  return () => (loading ??= load());
}
