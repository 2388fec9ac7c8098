import type { ScanRequest, Verdict } from "../api/contract";
import type { Problem } from "./problem";
import type { Question } from "./question";

export interface Subject {
  readonly id: string;
  /** The file's name; null for a request that came by its link, whose picture is not here. */
  readonly name: string | null;
  readonly question: Question | null;
  /** SHA-256 in hex, once it is known. */
  readonly hash: string | null;
  /** Milliseconds since 1970. */
  readonly addedAt: number;
  /** How often it was tried anew after it had failed: each time is another request. */
  readonly attempt: number;
}

type Queued = { readonly state: "queued" };
type Checking = { readonly state: "checking" };
type Sending = { readonly state: "sending"; readonly sent: number; readonly setback: Problem | null };
type Waiting = { readonly state: "waiting"; readonly requestId: string; readonly setback: Problem | null };
type Answered = {
  readonly state: "answered";
  readonly requestId: string;
  readonly request: ScanRequest;
  /** What was asked of the picture since, latest first. */
  readonly further: readonly Verdict[];
};
type Failed = { readonly state: "failed"; readonly requestId: string | null; readonly problem: Problem };
type Cancelled = { readonly state: "cancelled"; readonly requestId: string | null };

export type Phase = Queued | Checking | Sending | Waiting | Answered | Failed | Cancelled;
export type State = Phase["state"];
export type Scan = Subject & Phase;

export type ScanEvent =
  | { readonly type: "check" }
  | { readonly type: "send"; readonly hash: string | null }
  | { readonly type: "progress"; readonly sent: number }
  | { readonly type: "setback"; readonly problem: Problem }
  | { readonly type: "accepted"; readonly requestId: string }
  | { readonly type: "answered"; readonly request: ScanRequest }
  | { readonly type: "asked"; readonly verdict: Verdict }
  | { readonly type: "failed"; readonly problem: Problem; readonly requestId: string | null }
  | { readonly type: "cancel" }
  | { readonly type: "retry" }
  | { readonly type: "interrupted" };

/** The states in which an event means something. In any other it comes too late and changes nothing. */
export const TAKEN_IN: { readonly [T in ScanEvent["type"]]: readonly State[] } = {
  check: ["queued"],
  send: ["checking"],
  progress: ["sending"],
  setback: ["sending", "waiting"],
  accepted: ["sending", "waiting"],
  answered: ["sending", "waiting"],
  asked: ["answered"],
  failed: ["checking", "sending", "waiting"],
  cancel: ["queued", "checking", "sending", "waiting"],
  retry: ["failed", "cancelled"],
  interrupted: ["checking", "sending"],
};

export const UNFINISHED: readonly State[] = TAKEN_IN.cancel;

export function isUnfinished(scan: Scan): boolean {
  return UNFINISHED.includes(scan.state);
}

export function requestIdOf(scan: Scan): string | null {
  return "requestId" in scan ? scan.requestId : null;
}

export function newScan(subject: Subject): Scan {
  return { ...subject, state: "queued" };
}

/** The scan after an event; the very same scan where the event comes too late. */
export function advance(scan: Scan, event: ScanEvent): Scan {
  return TAKEN_IN[event.type].includes(scan.state) ? { ...subjectOf(scan, event), ...next(scan, event) } : scan;
}

function subjectOf(scan: Scan, event: ScanEvent): Subject {
  const { id, name, question, addedAt } = scan;
  const hash = event.type === "send" ? event.hash : scan.hash;
  const attempt = scan.attempt + Number(event.type === "retry" && scan.state === "failed");
  return { id, name, question, hash, addedAt, attempt };
}

function next(scan: Scan, event: ScanEvent): Phase {
  switch (event.type) {
    case "check":
      return { state: "checking" };
    case "send":
      return { state: "sending", sent: 0, setback: null };
    case "progress":
      return { state: "sending", sent: event.sent, setback: null };
    case "setback":
      return setBack(scan, event.problem);
    case "accepted":
      return { state: "waiting", requestId: event.requestId, setback: null };
    case "answered":
      return { state: "answered", requestId: event.request.request_id, request: event.request, further: [] };
    case "asked":
      return askedMore(scan as Answered, event.verdict);
    case "failed":
      return { state: "failed", requestId: event.requestId, problem: event.problem };
    case "cancel":
      return { state: "cancelled", requestId: requestIdOf(scan) };
    case "retry":
      return retried(scan);
    case "interrupted":
      return { state: "queued" };
  }
}

function setBack(scan: Scan, problem: Problem): Phase {
  return scan.state === "waiting" ? { ...scan, setback: problem } : { state: "sending", sent: 0, setback: problem };
}

function askedMore({ state, requestId, request, further }: Answered, verdict: Verdict): Answered {
  return { state, requestId, request, further: [verdict, ...further] };
}

/** A request that was only given up here is still being answered there: it is taken up, and its picture not sent again. */
function retried(scan: Scan): Phase {
  const known = scan.state === "cancelled" ? scan.requestId : null;
  return known === null ? { state: "queued" } : { state: "waiting", requestId: known, setback: null };
}
