import type { MatchMode } from "../core/question";

/** The responses of the API. Confidences are percentages (0 to 100). */

/** A bounding box, in fractions of the width and height of the upright image. */
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

/** The result for one requested label. `closest_labels` is empty if the label matched. */
export interface LabelResult {
  readonly label: string;
  readonly matched: boolean;
  readonly match: Match | null;
  readonly closest_labels: readonly Label[];
}

/** A question and its result, from a request or from a follow-up question. */
export interface Verdict {
  readonly request_id: string;
  readonly message: string;
  readonly label: string;
  readonly labels_asked: readonly string[];
  readonly match_mode: MatchMode;
  readonly min_confidence: number;
  readonly label_matched: boolean | null;
  /** One per requested label, in the same order. Empty while pending or failed. */
  readonly results: readonly LabelResult[];
  readonly match: Match | null;
  readonly closest_labels: readonly Label[];
  readonly image_hash: string;
}

/** A presigned URL for the image and the headers to send with it. It expires at an ISO 8601 time. */
export interface UploadTarget {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly expires_at: string;
}

export interface ScanRequest extends Verdict {
  readonly status: "pending" | "completed" | "failed";
  readonly labels: readonly Label[];
  readonly failure: Failure | null;
  readonly upload: UploadTarget | null;
  readonly created_at: string;
  readonly completed_at: string | null;
}

const STATUSES = ["pending", "completed", "failed"];

/** Check whether a response body is a scan request. Checks only enough to reject error pages and other services. */
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

const MATCHES: Readonly<Record<MatchMode, (matched: readonly boolean[]) => boolean>> = {
  any: (matched) => matched.includes(true),
  all: (matched) => !matched.includes(false),
  none: (matched) => !matched.includes(true),
};

/** Check whether a response body is a verdict that agrees with its results. An unclear result must never show as a yes or a no. */
export function isVerdict(body: unknown): body is Verdict {
  const { label_matched, match_mode = "any", results } = (body ?? {}) as Partial<Verdict>;
  if (!Array.isArray(results) || results.length === 0 || !results.every(isLabelResult)) return false;
  return MATCHES[match_mode]?.(results.map(({ matched }) => matched)) === label_matched;
}

function isLabelResult({ matched, match, closest_labels }: Partial<LabelResult>): boolean {
  return matched === Boolean(match) && Array.isArray(closest_labels);
}
