/** What the service sends, key for key. Confidences are percentages (0 to 100); boxes are fractions of the upright picture. */

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly confidence: number;
}

export interface Label {
  readonly name: string;
  readonly confidence: number;
  readonly parents: readonly string[];
  readonly aliases: readonly string[];
  readonly categories: readonly string[];
  readonly boxes: readonly Box[];
}

export interface Match {
  readonly label: string;
  readonly confidence: number;
  readonly matched_by: "name" | "alias" | "parent" | "category";
  readonly boxes: readonly Box[];
}

export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** What one of the asked labels came to; `nearest` is empty where it matched. */
export interface Result {
  readonly label: string;
  readonly matched: boolean;
  readonly match: Match | null;
  readonly nearest: readonly Label[];
}

export type MatchMode = "any" | "all" | "none";

/** A question and its verdict: of a request, or asked further of its picture. */
export interface Verdict {
  readonly request_id: string;
  readonly message: string;
  readonly label: string;
  readonly labels_asked: readonly string[];
  readonly match_mode: MatchMode;
  readonly min_confidence: number;
  readonly label_matched: boolean | null;
  /** One for each asked label, in their order; empty while there is no verdict. */
  readonly results: readonly Result[];
  readonly match: Match | null;
  readonly nearest: readonly Label[];
  readonly image_hash: string;
}

/** How the bytes are to be sent, and until when (ISO 8601). */
export interface Upload {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly expires_at: string;
}

export interface ScanRequest extends Verdict {
  readonly status: "pending" | "completed" | "failed";
  readonly labels: readonly Label[];
  readonly failure: Failure | null;
  readonly upload: Upload | null;
  readonly created_at: string;
  readonly completed_at: string | null;
}

const STATUSES = ["pending", "completed", "failed"];

/** Whether a body is a scan request: enough of it is looked at to tell it from an error page or another service. */
export function isScanRequest(body: unknown): body is ScanRequest {
  if (typeof body !== "object" || body === null) return false;
  const { request_id, status, labels } = body as Partial<ScanRequest>;
  return (
    typeof request_id === "string" &&
    STATUSES.includes(status ?? "") &&
    Array.isArray(labels) &&
    (status !== "completed" || isVerdict(body))
  );
}

const ENOUGH: Readonly<Record<MatchMode, (matched: readonly boolean[]) => boolean>> = {
  any: (matched) => matched.includes(true),
  all: (matched) => !matched.includes(false),
  none: (matched) => !matched.includes(true),
};

/** Whether a body holds a verdict that its results bear out: what is no plain yes or no must never be read as one. */
export function isVerdict(body: unknown): body is Verdict {
  const { label_matched, match_mode = "any", results } = (body ?? {}) as Partial<Verdict>;
  if (!Array.isArray(results) || results.length === 0 || !results.every(isResult)) return false;
  return ENOUGH[match_mode]?.(results.map(({ matched }) => matched)) === label_matched;
}

function isResult({ matched, match, nearest }: Partial<Result>): boolean {
  return matched === Boolean(match) && Array.isArray(nearest);
}
