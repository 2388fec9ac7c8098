/** @import { IncomingMessage, ServerResponse } from "node:http" */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { RekognitionEmulator } from "./emulator.mjs";
import { ServiceError } from "./errors.mjs";
import { isOperation } from "./operations.mjs";
import { rejectWebPages } from "./origin-check.mjs";
import { parseJson } from "./request.mjs";

const PROTOCOL = "application/x-amz-json-1.1";
const TARGET_PREFIX = "RekognitionService.";
/** 5 MB of image bytes are 7 MB of base64. A much larger body is rejected before it has been read completely. */
const MAX_BODY = 32 * 1024 * 1024;

/** @typedef {(emulator: RekognitionEmulator, body: string) => unknown} Route */

const health = () => ({ status: "ok" });

/** @type {Record<string, Route>} */
const CONTROL_ROUTES = {
  "GET /health": health,
  "GET /_control/health": health,
  "GET /_control/calls": (emulator) => emulator.countCalls(),
  "POST /_control/reset": (emulator) => ok(emulator.reset()),
  "POST /_control/faults": (emulator, body) => ok(emulator.addFault(parseJson(body))),
  "POST /_control/rate": (emulator, body) => ok(emulator.setRateLimit(parseJson(body) ?? {})),
  "POST /_control/latency": (emulator, body) => ok(emulator.setLatency(parseJson(body) ?? {})),
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
  const endpoint = `${method} ${url}`;
  const route = endpoint === "POST /" ? operationRoute(headers["x-amz-target"]) : CONTROL_ROUTES[endpoint];
  if (!route) throw new ServiceError("UnknownOperationException", `${headers["x-amz-target"] ?? endpoint} is not supported`);
  return route;
}

/**
 * @param {string | string[] | undefined} target such as "RekognitionService.DetectLabels"
 * @returns {Route | undefined}
 */
function operationRoute(target) {
  if (typeof target !== "string" || !target.startsWith(TARGET_PREFIX)) return undefined;
  const name = target.slice(TARGET_PREFIX.length);
  return isOperation(name) ? (emulator, body) => emulator.call(name, body) : undefined;
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
