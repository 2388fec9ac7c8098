import { type ErrorInfo, type ErrorKind, errorInfo } from "../core/errors";
import type { Failure } from "./types";

const KIND_BY_STATUS: Readonly<Record<number, ErrorKind>> = { 404: "not_found", 413: "too_large", 429: "rate_limited" };

const DEFAULT_MESSAGES: Readonly<Partial<Record<ErrorKind, string>>> = {
  not_found: "Request not found. Requests expire after the retention period.",
  too_large: "The image exceeds the size limit.",
  rate_limited: "Too many requests. Try again shortly.",
  rejected: "The request was rejected.",
};

/** Convert an HTTP error response. `message` is the message in its body, or null if there is none. */
export function errorFromStatus(status: number, message: string | null): ErrorInfo {
  const kind = KIND_BY_STATUS[status] ?? (status >= 400 && status < 500 ? "rejected" : "unavailable");
  return errorInfo(kind, message ?? DEFAULT_MESSAGES[kind] ?? "The service is unavailable. Try again shortly.");
}

const KIND_BY_CODE: Readonly<Record<string, ErrorKind>> = { timed_out: "timed_out", never_uploaded: "upload_failed" };

/** Convert the failure of a request. Failures of the image itself are permanent. */
export function errorFromFailure(failure: Failure | null): ErrorInfo {
  if (failure === null) return errorInfo("scan_failed", "Unknown error.");
  const kind = KIND_BY_CODE[failure.code] ?? "scan_failed";
  return { kind, message: failure.message, retryable: !failure.code.startsWith("image_") };
}
