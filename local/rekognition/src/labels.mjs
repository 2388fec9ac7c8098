/** @import { Detection, GeneralLabelsSettings, Label, Taxonomy } from "./types.js" */
import { probabilityByLabel } from "./classes.mjs";
import { confidence } from "./detections.mjs";
import { withEvidence } from "./evidence.mjs";

/** Minimum probability of a label that has no box. Hundreds of classes have a lower one. */
const MIN_PROBABILITY = 0.05;

/**
 * Convert the results of the detector and the classifier to labels in Rekognition's format. Each object is a label
 * with its instances. Each class of the image and each parent is a label without instances. A label that has several
 * sources has the highest of their confidences. Sort by confidence, then labels with boxes first.
 * @param {Detection[]} objects highest score first
 * @param {ArrayLike<number>} probabilities of the classes
 * @param {Taxonomy} taxonomy
 * @returns {Label[]}
 */
export function labelsOf(objects, probabilities, taxonomy) {
  const labels = /** @type {Map<string, Label>} */ (new Map());
  const classified = probabilityByLabel(probabilities, taxonomy);
  for (const { name, score, support, box } of withEvidence(objects, classified, taxonomy)) {
    const level = Math.max(confidence(score), 100 * support);
    addOrRaise(labels, taxonomy, name, level).Instances.push({ BoundingBox: box, Confidence: level });
    for (const parent of taxonomy.labels[name].parents ?? []) addOrRaise(labels, taxonomy, parent, level);
  }
  for (const [name, probability] of classified)
    if (probability >= MIN_PROBABILITY) addOrRaise(labels, taxonomy, name, 100 * probability);
  return [...labels.values()].sort(byConfidence);
}

/**
 * Apply the filters of a request.
 * @param {Label[]} labels highest confidence first
 * @param {{ MinConfidence?: number, MaxLabels?: number, Settings?: { GeneralLabels?: GeneralLabelsSettings } }} request
 *   MinConfidence defaults to 55
 */
export const filterLabels = (labels, { MinConfidence = 55, MaxLabels, Settings }) =>
  labels
    .filter((label) => label.Confidence >= MinConfidence && isSelected(label, Settings?.GeneralLabels ?? {}))
    .map((label) => ({ ...label, Instances: label.Instances.filter((one) => one.Confidence >= MinConfidence) }))
    .slice(0, MaxLabels);

/**
 * Return whether a label passes the filters: one of the inclusion filters, if there are any, and none of the exclusion
 * filters.
 * @param {Label} label
 * @param {GeneralLabelsSettings} settings
 */
function isSelected({ Name, Categories }, settings) {
  const isListed = (/** @type {string[]} */ names = [], /** @type {string[]} */ categories = []) =>
    names.includes(Name) || Categories.some((category) => categories.includes(category.Name));
  const { LabelInclusionFilters, LabelCategoryInclusionFilters, LabelExclusionFilters, LabelCategoryExclusionFilters } = settings;
  const hasInclusions = Boolean(LabelInclusionFilters?.length || LabelCategoryInclusionFilters?.length);
  const isIncluded = !hasInclusions || isListed(LabelInclusionFilters, LabelCategoryInclusionFilters);
  return isIncluded && !isListed(LabelExclusionFilters, LabelCategoryExclusionFilters);
}

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
