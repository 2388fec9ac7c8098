import { type ErrorInfo, type ErrorKind, errorInfo } from "../core/errors";
import type { Failure } from "./types";

/** The code of a 404 response of the API. Any other 404 response means that there is no API at this URL. */
export const REQUEST_NOT_FOUND = "request_not_found";

const NO_API = "The service was not found at this URL. It may have moved. Reload the page to continue.";
const KIND_BY_STATUS: Readonly<Record<number, ErrorKind>> = { 413: "too_large", 429: "rate_limited" };
const KIND_BY_REJECTION: Readonly<Record<string, ErrorKind>> = {
  [REQUEST_NOT_FOUND]: "not_found",
  feature_not_scanned: "not_scanned",
};

const DEFAULT_MESSAGES: Readonly<Partial<Record<ErrorKind, string>>> = {
  too_large: "The image exceeds the size limit.",
  rate_limited: "Too many requests. Try again shortly.",
  rejected: "The request was rejected.",
};

/** Convert an HTTP error response. `body` is its JSON body, or null if there is none. */
export function errorFromStatus(status: number, body: unknown): ErrorInfo {
  const { code, message } = readBody(body);
  const isMoved = status === 404 && code !== REQUEST_NOT_FOUND;
  // After a reload, the page reads the new URL and resumes.
  if (isMoved) return errorInfo("reload_required", NO_API);
  const kind =
    KIND_BY_REJECTION[code ?? ""] ??
    KIND_BY_STATUS[status] ??
    (status >= 400 && status < 500 ? "rejected" : "unavailable");
  return errorInfo(kind, message ?? DEFAULT_MESSAGES[kind] ?? "The service is unavailable. Try again shortly.");
}

function readBody(body: unknown): { code: string | null; message: string | null } {
  const { code, message } = (body ?? {}) as { code?: unknown; message?: unknown };
  return { code: textOrNull(code), message: textOrNull(message) };
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

const KIND_BY_CODE: Readonly<Record<string, ErrorKind>> = { timed_out: "timed_out", never_uploaded: "upload_failed" };

/** Convert the failure of a request. Failures of the image itself are permanent. */
export function errorFromFailure(failure: Failure | null): ErrorInfo {
  if (failure === null) return errorInfo("scan_failed", "Unknown error.");
  const kind = KIND_BY_CODE[failure.code] ?? "scan_failed";
  return { kind, message: failure.message, retryable: !failure.code.startsWith("image_") };
}
