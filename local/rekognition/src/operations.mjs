/** @import { Analyze, FixedResults, Operation, OperationName, RekognitionRequest } from "./types.js" */
import { respondWithLabels, validateLabelsRequest } from "./detect-labels.mjs";
import { respondWithModerationLabels, validateModerationRequest } from "./detect-moderation-labels.mjs";
import { textDetectionsOf, validateTextRequest } from "./detect-text.mjs";
import { ServiceError } from "./errors.mjs";

const TEXT_MODEL_VERSION = "3.0";

/** @type {Record<OperationName, Operation>} */
export const OPERATIONS = {
  DetectLabels: { validate: validateLabelsRequest, respond: respondWithLabels },
  DetectModerationLabels: { validate: validateModerationRequest, respond: respondWithModerationLabels },
  DetectText: { validate: validateTextRequest, respond: respondWithText },
};

export const OPERATION_NAMES = /** @type {OperationName[]} */ (Object.keys(OPERATIONS));

/**
 * @param {string} name
 * @returns {name is OperationName}
 */
export const isOperation = (name) => Object.hasOwn(OPERATIONS, name);

/**
 * Return the operations that a control request applies to: the given one, or all.
 * @param {string | undefined} name
 * @returns {OperationName[]}
 */
export function selectOperations(name) {
  if (name === undefined) return OPERATION_NAMES;
  if (!isOperation(name)) throw new ServiceError("BadOperation", `operation must be one of ${OPERATION_NAMES.join(", ")}`);
  return [name];
}

/**
 * @param {RekognitionRequest} request
 * @param {Analyze} analyze
 * @param {FixedResults} fixed
 */
async function respondWithText(request, analyze, { text_detections }) {
  const detections = text_detections ?? textDetectionsOf(await analyze("text"), request);
  return { TextDetections: detections, TextModelVersion: TEXT_MODEL_VERSION };
}
