import type { ImageInfo } from "../api/client";
import type { ScanRequest, Verdict } from "../api/types";
import type { ErrorInfo } from "../core/errors";
import type { Question } from "../core/question";

/** What a scan keeps in every state. */
export interface ScanInfo {
  readonly id: string;
  /** File name, or null for a request that was opened from a link without its image. */
  readonly name: string | null;
  readonly question: Question | null;
  /** SHA-256 in hex, or null while unknown. */
  readonly hash: string | null;
  /** The image as it was sent, or null while unknown. */
  readonly image: ImageInfo | null;
  /** Whether the page removes metadata before it sends the image. */
  readonly removesMetadata: boolean;
  /** What the page changed before it sent the image, or null. */
  readonly note: string | null;
  /** Milliseconds since 1970. */
  readonly addedAt: number;
  /** Position in the list. The highest number comes first. */
  readonly sequence: number;
  /** How often a failed scan was retried. Every retry is a new request. */
  readonly attempt: number;
  /** How often the user cancelled or retried the scan. A version of the scan with a lower number is out of date. */
  readonly generation: number;
}

/** An error after which the page tries again. */
export interface TransientError extends ErrorInfo {
  /** When the page tries again, in milliseconds since 1970, or null if it cannot know. */
  readonly retryAt: number | null;
}

type Queued = { readonly state: "queued" };
type Checking = { readonly state: "checking" };
type Uploading = { readonly state: "uploading"; readonly sent: number; readonly transientError: TransientError | null };
type Scanning = {
  readonly state: "scanning";
  readonly requestId: string;
  readonly transientError: TransientError | null;
};
type Completed = {
  readonly state: "completed";
  readonly requestId: string;
  readonly request: ScanRequest;
  /** Results of follow-up questions, latest first. */
  readonly followUps: readonly Verdict[];
};
type Failed = { readonly state: "failed"; readonly requestId: string | null; readonly error: ErrorInfo };
type Cancelled = { readonly state: "cancelled"; readonly requestId: string | null };

export type ScanPhase = Queued | Checking | Uploading | Scanning | Completed | Failed | Cancelled;
export type ScanState = ScanPhase["state"];
export type Scan = ScanInfo & ScanPhase;

export type ScanEvent =
  | { readonly type: "check" }
  | {
      readonly type: "upload";
      readonly hash: string | null;
      readonly image: ImageInfo;
      readonly note: string | null;
    }
  | { readonly type: "progress"; readonly sent: number }
  | { readonly type: "transient_error"; readonly error: ErrorInfo; readonly retryAt: number | null }
  | { readonly type: "accepted"; readonly requestId: string }
  | { readonly type: "completed"; readonly request: ScanRequest }
  | { readonly type: "follow_up"; readonly verdict: Verdict }
  | { readonly type: "failed"; readonly error: ErrorInfo; readonly requestId: string | null }
  | { readonly type: "cancel" }
  | { readonly type: "retry" }
  | { readonly type: "interrupted" };

/** The states in which each event is allowed. In any other state it is too late and is ignored. */
export const ALLOWED_STATES: { readonly [T in ScanEvent["type"]]: readonly ScanState[] } = {
  check: ["queued"],
  upload: ["checking"],
  progress: ["uploading"],
  transient_error: ["uploading", "scanning"],
  accepted: ["uploading", "scanning"],
  completed: ["uploading", "scanning"],
  follow_up: ["completed"],
  failed: ["checking", "uploading", "scanning"],
  cancel: ["queued", "checking", "uploading", "scanning"],
  retry: ["failed", "cancelled"],
  interrupted: ["checking", "uploading"],
};

export const UNFINISHED: readonly ScanState[] = ALLOWED_STATES.cancel;

export function isUnfinished(scan: Scan): boolean {
  return UNFINISHED.includes(scan.state);
}

export function requestIdOf(scan: Scan): string | null {
  return "requestId" in scan ? scan.requestId : null;
}

export function newScan(info: ScanInfo): Scan {
  return { ...info, state: "queued" };
}

/** Return the scan after an event. If the event is not allowed in its state, return the same object. */
export function transition(scan: Scan, event: ScanEvent): Scan {
  return ALLOWED_STATES[event.type].includes(scan.state)
    ? { ...nextInfo(scan, event), ...nextPhase(scan, event) }
    : scan;
}

function nextInfo(scan: Scan, event: ScanEvent): ScanInfo {
  const { id, name, question, removesMetadata, addedAt, sequence } = scan;
  const { hash, image, note } = event.type === "upload" ? event : scan;
  const attempt = scan.attempt + Number(event.type === "retry" && scan.state === "failed");
  const generation = scan.generation + Number(event.type === "retry" || event.type === "cancel");
  return { id, name, question, removesMetadata, hash, image, note, addedAt, sequence, attempt, generation };
}

/**
 * Check whether a scan is out of date, compared with another version of the same scan that another tab has saved. What
 * the user did last wins, so a cancelled scan stays cancelled. Apart from that, a finished scan stays finished.
 */
export function isOutdated(scan: Scan, saved: Scan): boolean {
  if (scan.generation !== saved.generation) return scan.generation < saved.generation;
  return isUnfinished(scan) && !isUnfinished(saved);
}

function nextPhase(scan: Scan, event: ScanEvent): ScanPhase {
  switch (event.type) {
    case "check":
      return { state: "checking" };
    case "upload":
      return { state: "uploading", sent: 0, transientError: null };
    case "progress":
      return { state: "uploading", sent: event.sent, transientError: null };
    case "transient_error":
      return afterTransientError(scan, { ...event.error, retryAt: event.retryAt });
    case "accepted":
      return { state: "scanning", requestId: event.requestId, transientError: null };
    case "completed":
      return { state: "completed", requestId: event.request.request_id, request: event.request, followUps: [] };
    case "follow_up":
      return withFollowUp(scan as Completed, event.verdict);
    case "failed":
      return { state: "failed", requestId: event.requestId, error: event.error };
    case "cancel":
      return { state: "cancelled", requestId: requestIdOf(scan) };
    case "retry":
      return afterRetry(scan);
    case "interrupted":
      return { state: "queued" };
  }
}

function afterTransientError(scan: Scan, error: TransientError): ScanPhase {
  return scan.state === "scanning"
    ? { ...scan, transientError: error }
    : { state: "uploading", sent: 0, transientError: error };
}

function withFollowUp({ state, requestId, request, followUps }: Completed, verdict: Verdict): Completed {
  return { state, requestId, request, followUps: [verdict, ...followUps] };
}

/** A request that was cancelled here continues on the server, so a retry polls it instead of uploading again. */
function afterRetry(scan: Scan): ScanPhase {
  const requestId = scan.state === "cancelled" ? scan.requestId : null;
  return requestId === null ? { state: "queued" } : { state: "scanning", requestId, transientError: null };
}
