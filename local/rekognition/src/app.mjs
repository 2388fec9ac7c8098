/** @import { IncomingMessage, ServerResponse } from "node:http" */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { parseJson, RekognitionEmulator } from "./detect-labels.mjs";
import { ServiceError } from "./errors.mjs";
import { rejectWebPages } from "./origin-check.mjs";

const PROTOCOL = "application/x-amz-json-1.1";
const TARGET = "RekognitionService.DetectLabels";
/** 5 MB of image bytes are 7 MB of base64. A much larger body is rejected before it has been read completely. */
const MAX_BODY = 32 * 1024 * 1024;

/** @typedef {(emulator: RekognitionEmulator, body: string) => unknown} Route */

/** @type {Record<string, Route>} */
const ROUTES = {
  "POST /": (emulator, body) => emulator.detectLabels(body),
  "GET /_control/health": () => ({ status: "ok" }),
  "GET /_control/calls": ({ calls }) => calls,
  "POST /_control/reset": (emulator) => ok(emulator.reset()),
  "POST /_control/faults": (emulator, body) => ok(emulator.addFault(parseJson(body))),
  "POST /_control/rate": (emulator, body) => ok(emulator.setRateLimit(parseJson(body)?.per_second)),
  "POST /_control/latency": (emulator, body) => ok(emulator.setLatency(parseJson(body))),
};

/** @param {RekognitionEmulator} emulator */
export const createApp = (emulator) => createServer((request, response) => void serve(emulator, request, response));

/**
 * @param {RekognitionEmulator} emulator
 * @param {IncomingMessage} request
 * @param {ServerResponse} response
 */
async function serve(emulator, request, response) {
  try {
    rejectWebPages(request);
    const body = await readBody(request);
    send(response, 200, await findRoute(request)(emulator, body));
  } catch (error) {
    const failure = toServiceError(error);
    response.setHeader("x-amzn-ErrorType", failure.code);
    send(response, failure.status, { __type: failure.code, Code: failure.code, Message: failure.message });
  }
}

/**
 * @param {IncomingMessage} request
 * @returns {Route}
 */
function findRoute({ method, url, headers }) {
  const route = ROUTES[`${method} ${url}`];
  if (!route || (url === "/" && headers["x-amz-target"] !== TARGET))
    throw new ServiceError("UnknownOperationException", `${headers["x-amz-target"] ?? `${method} ${url}`} is not supported`);
  return route;
}

/** @param {IncomingMessage} request */
async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY) throw new ServiceError("RequestEntityTooLargeException", "The body is too large", 413);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * @param {ServerResponse} response
 * @param {number} status
 * @param {unknown} body
 */
function send(response, status, body) {
  response.writeHead(status, { "Content-Type": PROTOCOL, "x-amzn-RequestId": randomUUID() });
  response.end(JSON.stringify(body));
}

/** @param {unknown} error */
function toServiceError(error) {
  if (error instanceof ServiceError) return error;
  console.error(error);
  return new ServiceError("InternalServerError", "The emulator failed. See its log.");
}

/** @param {void} _nothing */
const ok = (_nothing) => ({ status: "ok" });
