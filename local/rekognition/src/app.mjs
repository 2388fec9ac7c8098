/** @import { IncomingMessage, ServerResponse } from "node:http" */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { ServiceError } from "./errors.mjs";
import { parsed, StandIn } from "./stand-in.mjs";

const PROTOCOL = "application/x-amz-json-1.1";
const TARGET = "RekognitionService.DetectLabels";
/** 5 MB of image bytes are 7 MB of base64; what is much larger is not worth reading to its end. */
const MAX_BODY = 32 * 1024 * 1024;

/** @typedef {(standIn: StandIn, body: string) => unknown} Route */

/** @type {Record<string, Route>} */
const ROUTES = {
  "POST /": (standIn, body) => standIn.detectLabels(body),
  "GET /_control/health": () => ({ status: "ok" }),
  "GET /_control/calls": ({ calls }) => calls,
  "POST /_control/reset": (standIn) => done(standIn.reset()),
  "POST /_control/faults": (standIn, body) => done(standIn.addFault(parsed(body))),
  "POST /_control/rate": (standIn, body) => done(standIn.limitRate(parsed(body)?.per_second)),
  "POST /_control/latency": (standIn, body) => done(standIn.setLatency(parsed(body))),
};

/** @param {StandIn} standIn */
export const createApp = (standIn) => createServer((request, response) => void serve(standIn, request, response));

/**
 * @param {StandIn} standIn
 * @param {IncomingMessage} request
 * @param {ServerResponse} response
 */
async function serve(standIn, request, response) {
  try {
    const body = await read(request);
    send(response, 200, await routeOf(request)(standIn, body));
  } catch (error) {
    const failure = serviceError(error);
    response.setHeader("x-amzn-ErrorType", failure.code);
    send(response, failure.status, { __type: failure.code, Code: failure.code, Message: failure.message });
  }
}

/**
 * @param {IncomingMessage} request
 * @returns {Route}
 */
function routeOf({ method, url, headers }) {
  const route = ROUTES[`${method} ${url}`];
  if (!route || (url === "/" && headers["x-amz-target"] !== TARGET))
    throw new ServiceError("UnknownOperationException", `No ${headers["x-amz-target"] ?? `${method} ${url}`} here`);
  return route;
}

/** @param {IncomingMessage} request */
async function read(request) {
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
function serviceError(error) {
  if (error instanceof ServiceError) return error;
  console.error(error);
  return new ServiceError("InternalServerError", "The stand-in failed; its log says why");
}

/** @param {void} _nothing */
const done = (_nothing) => ({ status: "ok" });
