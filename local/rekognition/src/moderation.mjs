/** @import { ContentProbabilities, ModerationLabel, Taxonomy } from "./types.js" */

/** The part of Rekognition's taxonomy, version 7, that the models recognise: the parent of each label. */
const PARENTS = /** @type {Record<string, string>} */ ({
  "Explicit Nudity": "Explicit",
  "Female Swimwear or Underwear": "Swimwear or Underwear",
  "Male Swimwear or Underwear": "Swimwear or Underwear",
  Weapons: "Violence",
  Pills: "Products",
  Products: "Drugs & Tobacco",
  "Alcoholic Beverages": "Alcohol",
});

/** Labels that are recognised by the classes of the image. */
const CLASSES = /** @type {Record<string, string[]>} */ ({
  Weapons: ["Assault Rifle", "Revolver", "Rifle"],
  Pills: ["Pill Bottle"],
  "Alcoholic Beverages": ["Beer Bottle", "Beer Glass", "Red Wine", "Wine Bottle"],
  Gambling: ["Slot Machine"],
});

const SWIMWEAR = /** @type {Record<string, string[]>} */ ({
  "Female Swimwear or Underwear": ["Bikini", "Bra", "Swimsuit"],
  "Male Swimwear or Underwear": ["Swimming Trunks"],
});

/** Probabilities that give a confidence of 50, the default of MinConfidence. No test image reaches them by mistake. */
const EXPLICIT = 0.7;
const SEXY = 0.5;
const SWIMWEAR_CLASS = 0.2;

/** Minimum confidence of a label. */
const MIN_CONFIDENCE = 5;
const MIN_CONTENT_TYPE_CONFIDENCE = 50;

/**
 * Convert the results of the models to moderation labels. Each parent of a label is a label with the highest
 * confidence of its children. Sort by confidence, then parents first.
 * @param {ContentProbabilities[]} content of each model
 * @param {ArrayLike<number>} probabilities of the classes
 * @param {Taxonomy} taxonomy
 * @returns {ModerationLabel[]}
 */
export function moderationLabelsOf(content, probabilities, taxonomy) {
  const confidences = /** @type {Map<string, number>} */ (new Map());
  const sumOf = (/** @type {string[]} */ names) => sumOfClasses(names, probabilities, taxonomy);
  raise(confidences, "Explicit Nudity", scale(agreed(content, ({ porn, hentai }) => porn + hentai), EXPLICIT));
  for (const [name, classes] of Object.entries(CLASSES)) raise(confidences, name, 100 * sumOf(classes));
  const sexy = scale(agreed(content, ({ sexy }) => sexy), SEXY);
  for (const [name, classes] of Object.entries(SWIMWEAR)) raise(confidences, name, Math.min(sexy, scale(sumOf(classes), SWIMWEAR_CLASS)));
  return [...confidences]
    .map(([Name, Confidence]) => ({ Confidence, Name, ParentName: PARENTS[Name] ?? "", TaxonomyLevel: levelOf(Name) }))
    .filter(({ Confidence }) => Confidence >= MIN_CONFIDENCE)
    .toSorted((a, b) => b.Confidence - a.Confidence || a.TaxonomyLevel - b.TaxonomyLevel);
}

/**
 * Return the types of the image's content. Only drawings are recognised.
 * @param {ContentProbabilities[]} content of each model
 */
export function contentTypesOf(content) {
  const Confidence = 100 * agreed(content, ({ drawing, hentai }) => drawing + hentai);
  return Confidence < MIN_CONTENT_TYPE_CONFIDENCE ? [] : [{ Confidence, Name: "Illustrated" }];
}

/**
 * Return the probability on which all models agree: the lowest one. Each model alone raises false alarms.
 * @param {ContentProbabilities[]} content
 * @param {(probabilities: ContentProbabilities) => number} probability
 */
const agreed = (content, probability) => Math.min(1, ...content.map(probability));

/**
 * Convert a probability to a confidence that is 50 at `threshold`, with two straight lines.
 * @param {number} probability
 * @param {number} threshold
 */
const scale = (probability, threshold) =>
  probability < threshold ? (50 * probability) / threshold : 50 + (50 * (probability - threshold)) / (1 - threshold);

/**
 * @param {string[]} names
 * @param {ArrayLike<number>} probabilities
 * @param {Taxonomy} taxonomy
 */
const sumOfClasses = (names, probabilities, { classes }) =>
  Math.min(1, classes.reduce((sum, name, index) => (names.includes(name) ? sum + probabilities[index] : sum), 0));

/**
 * Raise the confidences of a label and its ancestors.
 * @param {Map<string, number>} confidences
 * @param {string} name
 * @param {number} confidence
 */
function raise(confidences, name, confidence) {
  confidences.set(name, Math.max(confidences.get(name) ?? 0, confidence));
  if (PARENTS[name]) raise(confidences, PARENTS[name], confidence);
}

/**
 * @param {string} name
 * @returns {number} 1 for the top level
 */
const levelOf = (name) => (PARENTS[name] ? levelOf(PARENTS[name]) + 1 : 1);
