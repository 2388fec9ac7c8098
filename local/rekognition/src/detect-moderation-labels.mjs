/** @import { Analyze, FixedResults, ModerationRequest, RekognitionRequest } from "./types.js" */
import { ServiceError } from "./errors.mjs";
import { contentTypesOf, moderationLabelsOf } from "./moderation.mjs";
import { checkRules, isPercentage } from "./request.mjs";
import { taxonomy } from "./taxonomy.mjs";

const MODEL_VERSION = "7.0";
const PROJECT_VERSION = /^arn:[a-z\d-]+:rekognition:[a-z\d-]+:\d{12}:project\/[\w.-]{1,255}\/version\/[\w.-]{1,255}\/\d+$/;

/** @type {import("./request.mjs").Rule<ModerationRequest>[]} */
const RULES = [
  ["MinConfidence must be between 0 and 100", ({ MinConfidence }) => MinConfidence === undefined || isPercentage(MinConfidence)],
  ["ProjectVersion must be the ARN of a project version", ({ ProjectVersion }) => ProjectVersion === undefined || (typeof ProjectVersion === "string" && PROJECT_VERSION.test(ProjectVersion))],
  ["the emulator does not support HumanLoopConfig", ({ HumanLoopConfig }) => HumanLoopConfig === undefined],
];

/** @param {ModerationRequest} request */
export function validateModerationRequest(request) {
  checkRules(RULES, request);
  if (request.ProjectVersion !== undefined)
    throw new ServiceError("ResourceNotFoundException", `The emulator has no adapters. Remove ProjectVersion ${request.ProjectVersion}`);
}

/**
 * @param {ModerationRequest} request MinConfidence defaults to 50
 * @param {Analyze} analyze
 * @param {FixedResults} fixed
 */
export async function respondWithModerationLabels({ MinConfidence = 50 }, analyze, { moderation_labels }) {
  if (moderation_labels) return response(moderation_labels, MinConfidence, []);
  const [classes, content] = [await analyze("classes"), await analyze("content")];
  return response(moderationLabelsOf(content, classes, taxonomy), MinConfidence, contentTypesOf(content));
}

/**
 * @param {import("./types.js").ModerationLabel[]} labels
 * @param {number} minConfidence
 * @param {object[]} contentTypes
 */
const response = (labels, minConfidence, contentTypes) => ({
  ModerationLabels: labels.filter(({ Confidence }) => Confidence >= minConfidence),
  ModerationModelVersion: MODEL_VERSION,
  ContentTypes: contentTypes,
});
