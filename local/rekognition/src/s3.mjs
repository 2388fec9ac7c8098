/** @import { ReadObject, S3ObjectReference } from "./types.js" */
import { AwsClient } from "aws4fetch";
import { imageTooLarge, invalidS3Object, ServiceError } from "./errors.mjs";

const MAX_BYTES = 15 * 1024 * 1024;

/**
 * Return a function that reads objects from an S3 endpoint, with requests signed by the credentials of the environment.
 * @param {NodeJS.ProcessEnv} env S3_ENDPOINT, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL (in this order), and AWS_* credentials
 * @returns {ReadObject}
 */
export function objectReader(env) {
  const endpoint = env.S3_ENDPOINT ?? env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL;
  const client = new AwsClient({
    accessKeyId: env.AWS_ACCESS_KEY_ID ?? "test",
    secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? "test",
    sessionToken: env.AWS_SESSION_TOKEN,
    region: env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? "us-east-1",
    service: "s3",
    retries: 0, // the caller retries, as with Rekognition
  });
  return async (object) => {
    if (!endpoint) throw new ServiceError("InternalServerError", "No S3 endpoint. Set S3_ENDPOINT.");
    return readBody(await client.fetch(objectUrl(endpoint, object)).catch(unreachable));
  };
}

/**
 * @param {string} endpoint
 * @param {S3ObjectReference} object
 */
function objectUrl(endpoint, { Bucket, Name, Version }) {
  const key = Name.split("/").map(encodeURIComponent).join("/");
  const url = new URL(`${endpoint.replace(/\/$/, "")}/${Bucket}/${key}`);
  if (Version) url.searchParams.set("versionId", Version);
  return url.href;
}

/** @param {Response} response */
async function readBody(response) {
  if (!response.ok) await response.body?.cancel();
  if (response.status >= 500) throw new ServiceError("InternalServerError", `S3 returned ${response.status}`);
  // AccessDenied gives the same error as a missing object, as with Rekognition.
  if (!response.ok) throw invalidS3Object();
  if (Number(response.headers.get("content-length")) > MAX_BYTES) {
    await response.body?.cancel();
    throw imageTooLarge(`Image size is too large. Maximum image size is ${MAX_BYTES} bytes`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

/**
 * @param {unknown} error
 * @returns {never}
 */
function unreachable(error) {
  console.error(error);
  throw new ServiceError("InternalServerError", `S3 is unreachable: ${error}`);
}
