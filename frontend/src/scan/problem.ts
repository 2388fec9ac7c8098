import type { Failure } from "../api/contract";

export type ProblemKind =
  | "offline"
  | "unavailable"
  | "refused"
  | "signed_out"
  | "unsent"
  | "too_large"
  | "too_many"
  | "failed"
  | "timed_out"
  | "expired";

export interface Problem {
  readonly kind: ProblemKind;
  /** A sentence for people. */
  readonly message: string;
  /** Whether asking the same again may end differently. */
  readonly passing: boolean;
}

/** An error that people are told of as it is. */
export class ScanProblem extends Error {
  constructor(
    readonly problem: Problem,
    readonly retryAfterMs: number | null = null,
    options?: ErrorOptions,
  ) {
    super(problem.message, options);
  }
}

const PASSING: ReadonlySet<ProblemKind> = new Set([
  "offline",
  "unavailable",
  "signed_out",
  "unsent",
  "too_many",
  "failed",
  "timed_out",
]);

export function problem(kind: ProblemKind, message: string): Problem {
  return { kind, message, passing: PASSING.has(kind) };
}

const KIND_OF_STATUS: Readonly<Record<number, ProblemKind>> = { 404: "expired", 413: "too_large", 429: "too_many" };

const WORDS: Readonly<Partial<Record<ProblemKind, string>>> = {
  expired: "The service does not know this request. Requests are kept for a limited time only.",
  too_large: "The service takes no picture as large as this one.",
  too_many: "The service is asked too much at the moment. Try again in a little while.",
  refused: "The service did not accept this.",
};

/** The problem an HTTP answer tells of; `message` is the service's own sentence, where it sent one. */
export function problemOfStatus(status: number, message: string | null): Problem {
  const kind = KIND_OF_STATUS[status] ?? (status >= 400 && status < 500 ? "refused" : "unavailable");
  return problem(kind, message ?? WORDS[kind] ?? "The service could not answer. Try again in a little while.");
}

const KIND_OF_FAILURE: Readonly<Record<string, ProblemKind>> = { timed_out: "timed_out", never_uploaded: "unsent" };

/** The problem of a request that ended without a verdict. What is wrong with the picture itself will not pass. */
export function problemOfFailure(failure: Failure | null): Problem {
  if (failure === null) return problem("failed", "The service gave no reason.");
  const kind = KIND_OF_FAILURE[failure.code] ?? "failed";
  return { kind, message: failure.message, passing: !failure.code.startsWith("image_") };
}
