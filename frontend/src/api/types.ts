import type { Feature, MatchMode } from "../core/question";

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

/** A moderation label. `parents` are its categories, the top level first, whose `taxonomy_level` is 1. */
export interface ModerationLabel {
  readonly name: string;
  readonly confidence: number;
  readonly parents: readonly string[];
  readonly taxonomy_level: number;
}

/** A word or a line of text. Its polygon starts at the top left corner of the text, in the reading direction. */
export interface TextWord {
  readonly text: string;
  readonly confidence: number;
  readonly box: Omit<Box, "confidence">;
  readonly polygon: readonly { readonly x: number; readonly y: number }[];
}

export interface TextLine extends TextWord {
  readonly words: readonly TextWord[];
}

export interface Match {
  /** The name of a label, or a line of text. */
  readonly label: string;
  readonly confidence: number;
  readonly matched_by: "name" | "alias" | "parent" | "category" | "any" | "text";
  readonly boxes: readonly Box[];
}

export interface Failure {
  readonly code: string;
  readonly message: string;
  /** The feature that failed. Responses of an earlier version of the service lack it. */
  readonly feature?: Feature | null;
}

/** The result for one term, in `label`. `closest_labels` is empty if the term matched or is not a label. */
export interface TermResult {
  readonly feature: Feature;
  readonly label: string;
  readonly matched: boolean;
  readonly match: Match | null;
  readonly closest_labels: readonly Label[];
}

/** A question and its result, from a request or from a follow-up question. */
export interface Verdict {
  readonly request_id: string;
  readonly message: string;
  readonly label: string | null;
  readonly features: readonly Feature[];
  readonly labels_asked: readonly string[];
  readonly moderation_asked: readonly string[];
  readonly text_asked: readonly string[];
  readonly match_mode: MatchMode;
  readonly min_confidence: number;
  /** Null while pending or failed, and if the question has no terms. */
  readonly label_matched: boolean | null;
  /** One per term, by feature, in the same order. Empty while pending or failed. */
  readonly results: readonly TermResult[];
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
  /** Null if the feature was not requested. */
  readonly moderation: { readonly labels: readonly ModerationLabel[]; readonly model_version: string | null } | null;
  /** Null if the feature was not requested. */
  readonly text: { readonly lines: readonly TextLine[]; readonly model_version: string | null } | null;
  readonly failure: Failure | null;
  /** What the scanned file has in common with this image. Null while pending, and if this image was scanned itself. */
  readonly reused_by: "bytes" | "content" | null;
  /** Null while pending, and for files that programs could interpret differently. */
  readonly content_hash: string | null;
  readonly upload: UploadTarget | null;
  readonly created_at: string;
  readonly completed_at: string | null;
}

const STATUSES = ["pending", "completed", "failed"];

/** Check whether a response body is a scan request. Checks only enough to reject error pages and other services. */
export function isScanRequest(body: unknown): body is ScanRequest {
  if (!isIdentified(body) || !Array.isArray(body.labels) || !Array.isArray(body.results)) return false;
  return body.status !== "completed" || isVerdict(body);
}

/** A scan request as the API lists it. */
export type Summary = Omit<ScanRequest, "labels" | "moderation" | "text" | "closest_labels" | "results">;

/** Check whether a response body is a scan request without its findings and results. */
export function isSummary(body: unknown): body is Summary {
  return isIdentified(body) && !("results" in body);
}

function isIdentified(body: unknown): body is ScanRequest {
  const { request_id, status } = (body ?? {}) as Partial<ScanRequest>;
  return typeof request_id === "string" && STATUSES.includes(status ?? "");
}

const MATCHES: Readonly<Record<MatchMode, (matched: readonly boolean[]) => boolean>> = {
  any: (matched) => matched.includes(true),
  all: (matched) => !matched.includes(false),
  none: (matched) => !matched.includes(true),
};

/**
 * Check whether a response body is a verdict that agrees with its results. An unclear result must never show as a yes
 * or a no. A question without terms has neither.
 */
export function isVerdict(body: unknown): body is Verdict {
  const { label_matched, match_mode = "any", results } = (body ?? {}) as Partial<Verdict>;
  if (!Array.isArray(results) || !results.every(isTermResult)) return false;
  if (results.length === 0) return label_matched === null;
  return MATCHES[match_mode]?.(results.map(({ matched }) => matched)) === label_matched;
}

function isTermResult({ matched, match, closest_labels }: Partial<TermResult>): boolean {
  return matched === Boolean(match) && Array.isArray(closest_labels);
}

const LABELS_ONLY = { features: ["labels"] as const, moderation_asked: [], text_asked: [] };

/** Complete a verdict of an earlier version of the service, which had no feature except labels. */
export function withFeatures<T extends Verdict>(verdict: T): T {
  const results = verdict.results.map((result) => ({ ...{ feature: "labels" as const }, ...result }));
  return { ...LABELS_ONLY, ...verdict, results };
}

/** Complete a request of an earlier version of the service. */
export function withFindings(request: ScanRequest): ScanRequest {
  return withFeatures({ ...{ moderation: null, text: null }, ...request });
}
