/** @import { Detection, Label, Taxonomy } from "./types.js" */
import { confidence } from "./detections.mjs";

/**
 * What was found, in Rekognition's shape: every class with its instances, and every parent of a class as a label of its
 * own, at least as sure as its surest child. Most confident first; of equals, those with boxes first.
 * @param {Detection[]} detections best first
 * @param {Taxonomy} taxonomy
 * @returns {Label[]}
 */
export function labelsOf(detections, taxonomy) {
  const labels = /** @type {Map<string, Label>} */ (new Map());
  for (const { index, score, box } of detections) {
    const sure = confidence(score);
    const name = taxonomy.classes[index];
    raise(labels, taxonomy, name, sure).Instances.push({ BoundingBox: box, Confidence: sure });
    for (const parent of taxonomy.labels[name].parents ?? []) raise(labels, taxonomy, parent, sure);
  }
  return [...labels.values()].sort(bySureness);
}

/**
 * @param {Label[]} labels most confident first
 * @param {{ MinConfidence?: number, MaxLabels?: number }} request MinConfidence is 55 unless given
 */
export const asked = (labels, { MinConfidence = 55, MaxLabels }) =>
  labels
    .filter((label) => label.Confidence >= MinConfidence)
    .map((label) => ({ ...label, Instances: label.Instances.filter((one) => one.Confidence >= MinConfidence) }))
    .slice(0, MaxLabels);

/**
 * @param {Map<string, Label>} labels
 * @param {Taxonomy} taxonomy
 * @param {string} name
 * @param {number} sure
 */
function raise(labels, taxonomy, name, sure) {
  const label = labels.get(name) ?? blank(name, taxonomy);
  label.Confidence = Math.max(label.Confidence, sure);
  labels.set(name, label);
  return label;
}

/**
 * @param {string} name
 * @param {Taxonomy} taxonomy
 * @returns {Label}
 */
function blank(name, taxonomy) {
  const { parents = [], aliases = [], category } = taxonomy.labels[name];
  const named = (/** @type {string[]} */ names) => names.map((Name) => ({ Name }));
  return {
    Name: name,
    Confidence: 0,
    Instances: [],
    Parents: named(parents),
    Aliases: named(aliases),
    Categories: named([category]),
  };
}

/**
 * @param {Label} a
 * @param {Label} b
 */
const bySureness = (a, b) =>
  b.Confidence - a.Confidence || b.Instances.length - a.Instances.length || a.Name.localeCompare(b.Name, "en");
