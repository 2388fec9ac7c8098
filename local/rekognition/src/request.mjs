/** @import { DetectLabelsRequest } from "./types.js" */
import { imageTooLarge, invalidParameter } from "./errors.mjs";

const MAX_BYTES = 5 * 1024 * 1024;

/**
 * The documented limits of each request member, and the features that this emulator does not support.
 * @type {[about: string, holds: (request: DetectLabelsRequest) => boolean][]}
 */
const RULES = [
  ["Image must have either Bytes or S3Object", ({ Image }) => !Image?.Bytes !== !Image?.S3Object],
  ["Bytes must be base64 text", ({ Image: { Bytes } }) => Bytes === undefined || typeof Bytes === "string"],
  ["S3Object.Bucket must have 3 to 255 of A-Z a-z 0-9 . - _", ({ Image: { S3Object } }) => !S3Object || /^[\w.-]{3,255}$/.test(S3Object.Bucket)],
  ["S3Object.Name must have 1 to 1024 characters", ({ Image: { S3Object } }) => !S3Object || isText(S3Object.Name)],
  ["S3Object.Version must have 1 to 1024 characters", ({ Image: { S3Object } }) => S3Object?.Version === undefined || isText(S3Object.Version)],
  ["MaxLabels must be an integer of at least 0", ({ MaxLabels }) => MaxLabels === undefined || (Number.isInteger(MaxLabels) && MaxLabels >= 0)],
  ["MinConfidence must be between 0 and 100", ({ MinConfidence }) => MinConfidence === undefined || (MinConfidence >= 0 && MinConfidence <= 100)],
  ["the emulator supports only the feature GENERAL_LABELS", ({ Features = [] }) => Features.every((feature) => feature === "GENERAL_LABELS")],
  ["the emulator does not support Settings", ({ Settings = {} }) => Object.keys(Settings).length === 0],
];

/**
 * @param {unknown} body parsed JSON
 * @returns {DetectLabelsRequest}
 */
export function validateRequest(body) {
  if (typeof body !== "object" || body === null) throw invalidParameter("the body must be an object");
  const request = /** @type {DetectLabelsRequest} */ (body);
  const violated = RULES.find(([, holds]) => !holds(request));
  if (violated) throw invalidParameter(violated[0]);
  return request;
}

/**
 * @param {string} base64
 * @returns {Uint8Array}
 */
export function decodeBytes(base64) {
  const bytes = Buffer.from(base64, "base64");
  if (bytes.length > MAX_BYTES)
    throw imageTooLarge(`Image size is too large. Maximum size of image bytes is ${MAX_BYTES}`);
  return bytes;
}

/** @param {unknown} value */
const isText = (value) => typeof value === "string" && value.length >= 1 && value.length <= 1024;
