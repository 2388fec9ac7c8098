/** @import { IncomingMessage } from "node:http" */
import { ServiceError } from "./errors.mjs";

/** The hosts of tools on this machine and in containers. A web page can point a domain of its own at this machine. */
const LOCAL_HOST = /^(127\.0\.0\.1|localhost|\[::1\]|host\.docker\.internal)(:\d+)?$/;

/**
 * Reject requests from web pages. No page needs this server, and one could inject faults or use up the detector.
 * @param {Pick<IncomingMessage, "headers">} request
 */
export function rejectWebPages({ headers }) {
  const { host = "", origin, "sec-fetch-site": site = "none" } = headers;
  if (!LOCAL_HOST.test(host.toLowerCase()))
    throw forbidden(`The host "${host}" is not allowed. Use 127.0.0.1 or localhost. In a container, use host.docker.internal.`);
  // Browsers omit Origin for images, scripts and links.
  if (origin !== undefined || site !== "none")
    throw forbidden("Web pages cannot call the Rekognition emulator. Call it from a tool on this machine.");
}

/** @param {string} message */
const forbidden = (message) => new ServiceError("AccessDeniedException", message, 403);
