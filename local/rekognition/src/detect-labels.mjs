/** @import { Analyze, FixedResults, GeneralLabelsSettings, Label, LabelsRequest, RekognitionRequest } from "./types.js" */
import { colorsOfBox, imageProperties } from "./image-properties.mjs";
import { filterLabels, labelsOf } from "./labels.mjs";
import { checkRules, isPercentage } from "./request.mjs";
import { taxonomy } from "./taxonomy.mjs";

const MODEL_VERSION = "3.0";
const GENERAL_LABELS = "GENERAL_LABELS";
const IMAGE_PROPERTIES = "IMAGE_PROPERTIES";
const FEATURES = [GENERAL_LABELS, IMAGE_PROPERTIES];
const FILTER = /^[A-Za-z0-9àâèçñó'-_(). ]{0,50}$/;
const MAX_FILTERS = 100;
const DEFAULT_MAX_COLORS = 10;
const MAX_COLORS = 20;
/** Minimum confidence of the objects in the foreground, which is that of labels by default. */
const FOREGROUND_CONFIDENCE = 55;

/** @type {import("./request.mjs").Rule<LabelsRequest>[]} */
const RULES = [
  ["MaxLabels must be an integer of at least 0", ({ MaxLabels }) => MaxLabels === undefined || (Number.isInteger(MaxLabels) && MaxLabels >= 0)],
  ["MinConfidence must be between 0 and 100", ({ MinConfidence }) => MinConfidence === undefined || isPercentage(MinConfidence)],
  [`Features must be a list of up to 2 of ${FEATURES.join(" and ")}`, ({ Features = [] }) => Array.isArray(Features) && Features.length <= 2 && Features.every((feature) => FEATURES.includes(feature))],
  ["Settings must contain only GeneralLabels and ImageProperties", ({ Settings = {} }) => hasOnly(Settings, ["GeneralLabels", "ImageProperties"])],
  ["MaxLabels, MinConfidence and Settings.GeneralLabels need the feature GENERAL_LABELS", (request) => wants(request, GENERAL_LABELS) || !hasLabelOptions(request)],
  ["Settings.ImageProperties needs the feature IMAGE_PROPERTIES", (request) => wants(request, IMAGE_PROPERTIES) || request.Settings?.ImageProperties === undefined],
  [`each list of Settings.GeneralLabels must have at most ${MAX_FILTERS} names of at most 50 letters, digits, spaces and '-_().`, ({ Settings }) => areFilters(Settings?.GeneralLabels ?? {})],
  [`Settings.ImageProperties.MaxDominantColors must be an integer from 0 to ${MAX_COLORS}`, ({ Settings }) => isColorCount(Settings?.ImageProperties?.MaxDominantColors)],
];

/** @param {RekognitionRequest} request */
export const validateLabelsRequest = (request) => checkRules(RULES, request);

/**
 * @param {LabelsRequest} request
 * @param {Analyze} analyze
 * @param {FixedResults} fixed
 */
export async function respondWithLabels(request, analyze, { labels }) {
  const detected = labels ?? labelsOf(await analyze("objects"), await analyze("classes"), taxonomy);
  const returned = filterLabels(detected, request);
  const response = { LabelModelVersion: MODEL_VERSION };
  if (!wants(request, IMAGE_PROPERTIES)) return { Labels: returned, ...response };
  const maxColors = request.Settings?.ImageProperties?.MaxDominantColors ?? DEFAULT_MAX_COLORS;
  const thumbnail = await analyze("thumbnail");
  const withColors = returned.map((label) => ({
    ...label,
    Instances: label.Instances.map((one) => ({ ...one, DominantColors: colorsOfBox(thumbnail, one.BoundingBox, maxColors) })),
  }));
  return {
    ...(wants(request, GENERAL_LABELS) && { Labels: withColors }),
    ...response,
    ImageProperties: imageProperties(thumbnail, boxesOf(detected), maxColors),
  };
}

/** @param {Label[]} labels */
const boxesOf = (labels) =>
  labels
    .flatMap(({ Instances }) => Instances)
    .filter(({ Confidence }) => Confidence >= FOREGROUND_CONFIDENCE)
    .map(({ BoundingBox }) => BoundingBox);

/**
 * @param {LabelsRequest} request
 * @param {string} feature
 */
const wants = ({ Features = [] }, feature) => (Features.length > 0 ? Features : [GENERAL_LABELS]).includes(feature);

/** @param {LabelsRequest} request */
const hasLabelOptions = ({ MaxLabels, MinConfidence, Settings }) =>
  [MaxLabels, MinConfidence, Settings?.GeneralLabels].some((option) => option !== undefined);

/** @param {GeneralLabelsSettings} settings */
const areFilters = (settings) =>
  hasOnly(settings, ["LabelInclusionFilters", "LabelExclusionFilters", "LabelCategoryInclusionFilters", "LabelCategoryExclusionFilters"]) &&
  Object.values(settings).every((list) => Array.isArray(list) && list.length <= MAX_FILTERS && list.every(isFilter));

/** @param {unknown} name */
const isFilter = (name) => typeof name === "string" && FILTER.test(name);

/** @param {number | undefined} count */
const isColorCount = (count) => count === undefined || (Number.isInteger(count) && count >= 0 && count <= MAX_COLORS);

/**
 * @param {unknown} value
 * @param {string[]} members
 */
const hasOnly = (value, members) =>
  typeof value === "object" && value !== null && Object.keys(value).every((member) => members.includes(member));
