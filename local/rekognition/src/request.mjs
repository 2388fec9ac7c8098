/** @import { RekognitionRequest } from "./types.js" */
import { imageTooLarge, invalidParameter, ServiceError } from "./errors.mjs";

const MAX_BYTES = 5 * 1024 * 1024;

/**
 * A condition that a request must meet, and the message if it does not.
 * @template T
 * @typedef {[message: string, holds: (request: T) => boolean]} Rule
 */

/** @type {Rule<RekognitionRequest>[]} */
const IMAGE_RULES = [
  ["Image must have either Bytes or S3Object", ({ Image }) => !Image?.Bytes !== !Image?.S3Object],
  ["Bytes must be base64 text", ({ Image: { Bytes } }) => Bytes === undefined || typeof Bytes === "string"],
  ["S3Object.Bucket must have 3 to 255 of A-Z a-z 0-9 . - _", ({ Image: { S3Object } }) => !S3Object || /^[\w.-]{3,255}$/.test(S3Object.Bucket)],
  ["S3Object.Name must have 1 to 1024 characters", ({ Image: { S3Object } }) => !S3Object || isText(S3Object.Name)],
  ["S3Object.Version must have 1 to 1024 characters", ({ Image: { S3Object } }) => S3Object?.Version === undefined || isText(S3Object.Version)],
];

/**
 * Check the image of a request, which all operations have in common.
 * @param {unknown} body parsed JSON
 * @returns {RekognitionRequest}
 */
export function validateImage(body) {
  if (typeof body !== "object" || body === null) throw invalidParameter("the body must be an object");
  const request = /** @type {RekognitionRequest} */ (body);
  checkRules(IMAGE_RULES, request);
  return request;
}

/**
 * Throw InvalidParameterException for the first rule that the request violates.
 * @template T
 * @param {Rule<T>[]} rules
 * @param {T} request
 */
export function checkRules(rules, request) {
  const violated = rules.find(([, holds]) => !holds(request));
  if (violated) throw invalidParameter(violated[0]);
}

/** @param {unknown} value */
export const isPercentage = (value) => typeof value === "number" && value >= 0 && value <= 100;

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

/** @param {string} body */
export function parseJson(body) {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw Object.assign(new ServiceError("SerializationException", "The body is not JSON"), { cause });
  }
}

/** @param {unknown} value */
const isText = (value) => typeof value === "string" && value.length >= 1 && value.length <= 1024;
