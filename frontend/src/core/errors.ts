export type ErrorKind =
  | "offline"
  | "unavailable"
  | "reload_required"
  | "rejected"
  | "signed_out"
  | "upload_failed"
  | "too_large"
  | "rate_limited"
  | "scan_failed"
  | "timed_out"
  | "not_found"
  | "not_scanned";

export interface ErrorInfo {
  readonly kind: ErrorKind;
  /** A sentence to show to the user. */
  readonly message: string;
  /** Whether the same request can succeed later. */
  readonly retryable: boolean;
}

/** An error whose message is shown to the user as it is. */
export class ScanError extends Error {
  constructor(
    readonly info: ErrorInfo,
    readonly retryAfterMs: number | null = null,
    options?: ErrorOptions,
  ) {
    super(info.message, options);
  }
}

const RETRYABLE: ReadonlySet<ErrorKind> = new Set([
  "offline",
  "unavailable",
  "reload_required",
  "signed_out",
  "upload_failed",
  "rate_limited",
  "scan_failed",
  "timed_out",
]);

/** Describe an error. The kind decides whether it is retryable. */
export function errorInfo(kind: ErrorKind, message: string): ErrorInfo {
  return { kind, message, retryable: RETRYABLE.has(kind) };
}
