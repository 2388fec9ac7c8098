/** @import { BoundingBox, PolygonPoint, RegionOfInterest, TextDetection, TextRequest } from "./types.js" */
/** @import { Rule } from "./request.mjs" */
/** @import { TextLine, TextWord } from "./text/text.js" */
import { checkRules, isPercentage } from "./request.mjs";
import { areaOf, boundingBoxOf, sharedArea } from "./text/polygons.mjs";

/** Maximum number of words in a response. */
export const MAX_WORDS = 100;
const MAX_REGIONS = 10;
const MAX_POINTS = 10;
/** Default of WordFilter.MinConfidence. */
const MIN_CONFIDENCE = 80;

/** @param {unknown} value */
const isFraction = (value) => typeof value === "number" && value >= 0 && value <= 1;

/** @param {TextRequest} request */
const regionsOf = ({ Filters }) => Filters?.RegionsOfInterest ?? [];

/** @param {TextRequest} request */
const boxesOf = (request) => regionsOf(request).flatMap(({ BoundingBox }) => BoundingBox ?? []);

/** @param {TextRequest} request */
const polygonsOf = (request) => regionsOf(request).flatMap(({ Polygon }) => (Polygon ? [Polygon] : []));

/** @param {TextRequest} request */
const wordFilterOf = ({ Filters }) => Filters?.WordFilter ?? {};

/**
 * @param {unknown} value
 * @param {number} min
 * @param {number} max
 */
const isList = (value, min, max) => Array.isArray(value) && value.length >= min && value.length <= max;

/** @type {Rule<TextRequest>[]} */
const RULES = [
  ["Filters must be an object", ({ Filters = {} }) => isObject(Filters)],
  ["Filters.WordFilter must be an object", (request) => isObject(wordFilterOf(request))],
  ["WordFilter.MinConfidence must be between 0 and 100", (request) => isPercentage(wordFilterOf(request).MinConfidence ?? 0)],
  ["WordFilter.MinBoundingBoxHeight must be between 0 and 1", (request) => isFraction(wordFilterOf(request).MinBoundingBoxHeight ?? 0)],
  ["WordFilter.MinBoundingBoxWidth must be between 0 and 1", (request) => isFraction(wordFilterOf(request).MinBoundingBoxWidth ?? 0)],
  [`RegionsOfInterest must be a list of at most ${MAX_REGIONS} regions`, (request) => isList(regionsOf(request), 0, MAX_REGIONS)],
  ["a region must have either BoundingBox or Polygon", (request) => regionsOf(request).every(hasOneShape)],
  ["BoundingBox must have Left, Top, Width and Height between 0 and 1", (request) => boxesOf(request).every(isBox)],
  [`Polygon must be a list of 3 to ${MAX_POINTS} points`, (request) => polygonsOf(request).every((points) => isList(points, 3, MAX_POINTS))],
  ["a point must have X and Y between 0 and 1", (request) => polygonsOf(request).flat().every(isPoint)],
];

/** @param {TextRequest} request */
export const validateTextRequest = (request) => checkRules(RULES, request);

/** @param {unknown} value */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @param {RegionOfInterest | undefined} region */
const hasOneShape = (region) => !region?.BoundingBox !== !region?.Polygon;

/** @param {PolygonPoint | undefined} point */
const isPoint = (point) => isFraction(point?.X) && isFraction(point?.Y);

/** @param {BoundingBox} box */
const isBox = ({ Left, Top, Width, Height }) => [Left, Top, Width, Height].every(isFraction);

/**
 * Return the lines and then the words in Rekognition's format. The filters apply to words, and a line without words is
 * omitted.
 * @param {TextLine[]} lines from top to bottom
 * @param {TextRequest} request
 * @returns {TextDetection[]}
 */
export function textDetectionsOf(lines, request) {
  const isIncluded = wordFilter(request);
  const words = lines
    .flatMap((line) => line.words.map((word) => ({ line, detection: detectionOf("WORD", word) })))
    .filter(({ detection }) => isIncluded(detection))
    .slice(0, MAX_WORDS);
  const used = lines.filter((line) => words.some((word) => word.line === line));
  return [
    ...used.map((line, at) => ({ ...detectionOf("LINE", line), Id: at })),
    ...words.map(({ line, detection }, at) => ({ ...detection, Id: used.length + at, ParentId: used.indexOf(line) })),
  ];
}

/**
 * Convert the mean probability of the characters (0 to 1) to a confidence (0 to 100): 100 * score ** 3. On degraded
 * images, it is close to the share of words that are read correctly.
 * @param {number} score
 */
export const textConfidence = (score) => 100 * score ** 3;

/**
 * @param {"LINE" | "WORD"} type
 * @param {TextWord} word
 * @returns {Omit<TextDetection, "Id">}
 */
function detectionOf(type, { text, score, corners }) {
  const polygon = corners.map(([x, y]) => ({ X: inImage(x), Y: inImage(y) }));
  const geometry = { BoundingBox: boundingBoxOf(polygon), Polygon: polygon };
  return { DetectedText: text, Type: type, Confidence: textConfidence(score), Geometry: geometry };
}

/** @param {number} fraction */
const inImage = (fraction) => Math.min(1, Math.max(0, fraction));

/**
 * @param {TextRequest} request
 * @returns {(word: Omit<TextDetection, "Id">) => boolean}
 */
function wordFilter(request) {
  const { MinConfidence = MIN_CONFIDENCE, MinBoundingBoxHeight = 0, MinBoundingBoxWidth = 0 } = wordFilterOf(request);
  const regions = regionsOf(request).map(regionPolygon);
  return ({ Confidence, Geometry: { BoundingBox, Polygon } }) =>
    Confidence >= MinConfidence &&
    BoundingBox.Height >= MinBoundingBoxHeight &&
    BoundingBox.Width >= MinBoundingBoxWidth &&
    (regions.length === 0 || regions.some((region) => sharedArea(region, Polygon) > areaOf(Polygon) / 2));
}

/**
 * @param {RegionOfInterest} region
 * @returns {PolygonPoint[]}
 */
function regionPolygon({ BoundingBox, Polygon }) {
  if (Polygon) return Polygon;
  const { Left, Top, Width, Height } = /** @type {BoundingBox} */ (BoundingBox);
  const [right, bottom] = [Left + Width, Top + Height];
  return [{ X: Left, Y: Top }, { X: right, Y: Top }, { X: right, Y: bottom }, { X: Left, Y: bottom }];
}
