/** @import { Detection, Label, Taxonomy } from "./types.js" */
import { confidence } from "./detections.mjs";

/**
 * Convert detections to labels in Rekognition's format. Each class is a label with its instances. Each parent of a class
 * is a separate label with the highest confidence of its children. Sort by confidence, then labels with boxes first.
 * @param {Detection[]} detections highest score first
 * @param {Taxonomy} taxonomy
 * @returns {Label[]}
 */
export function labelsOf(detections, taxonomy) {
  const labels = /** @type {Map<string, Label>} */ (new Map());
  for (const { index, score, box } of detections) {
    const level = confidence(score);
    const name = taxonomy.classes[index];
    addOrRaise(labels, taxonomy, name, level).Instances.push({ BoundingBox: box, Confidence: level });
    for (const parent of taxonomy.labels[name].parents ?? []) addOrRaise(labels, taxonomy, parent, level);
  }
  return [...labels.values()].sort(byConfidence);
}

/**
 * Apply the filters of a request.
 * @param {Label[]} labels highest confidence first
 * @param {{ MinConfidence?: number, MaxLabels?: number }} request MinConfidence defaults to 55
 */
export const filterLabels = (labels, { MinConfidence = 55, MaxLabels }) =>
  labels
    .filter((label) => label.Confidence >= MinConfidence)
    .map((label) => ({ ...label, Instances: label.Instances.filter((one) => one.Confidence >= MinConfidence) }))
    .slice(0, MaxLabels);

/**
 * Add a label, or raise the confidence of an existing one.
 * @param {Map<string, Label>} labels
 * @param {Taxonomy} taxonomy
 * @param {string} name
 * @param {number} level confidence, 0 to 100
 */
function addOrRaise(labels, taxonomy, name, level) {
  const label = labels.get(name) ?? emptyLabel(name, taxonomy);
  label.Confidence = Math.max(label.Confidence, level);
  labels.set(name, label);
  return label;
}

/**
 * @param {string} name
 * @param {Taxonomy} taxonomy
 * @returns {Label}
 */
function emptyLabel(name, taxonomy) {
  const { parents = [], aliases = [], category } = taxonomy.labels[name];
  const toNames = (/** @type {string[]} */ names) => names.map((Name) => ({ Name }));
  return {
    Name: name,
    Confidence: 0,
    Instances: [],
    Parents: toNames(parents),
    Aliases: toNames(aliases),
    Categories: toNames([category]),
  };
}

/**
 * @param {Label} a
 * @param {Label} b
 */
const byConfidence = (a, b) =>
  b.Confidence - a.Confidence || b.Instances.length - a.Instances.length || a.Name.localeCompare(b.Name, "en");
