import { describe, expect, it } from "vitest";
import { errorInfo } from "../../src/core/errors";
import { DEFAULT_QUESTION } from "../../src/core/question";
import {
  ALLOWED_STATES,
  isOutdated,
  newScan,
  type Scan,
  type ScanEvent,
  type ScanState,
  transition,
} from "../../src/scan/machine";
import { completed, missed } from "./examples";

const INFO = {
  id: "1",
  name: "cat.jpg",
  question: DEFAULT_QUESTION,
  removesMetadata: true,
  hash: null,
  image: null,
  note: null,
  addedAt: 0,
  sequence: 0,
  attempt: 0,
  generation: 0,
};
const IMAGE = { type: "image/jpeg", size: 3 };
const ERROR = errorInfo("rate_limited", "Slow down.");

const SCANS: Readonly<Record<ScanState, Scan>> = {
  queued: newScan(INFO),
  checking: { ...INFO, state: "checking" },
  uploading: { ...INFO, state: "uploading", sent: 0.5, transientError: null },
  scanning: { ...INFO, state: "scanning", requestId: "r", transientError: null },
  completed: { ...INFO, state: "completed", requestId: "r", request: completed(), followUps: [] },
  failed: { ...INFO, state: "failed", requestId: "r", error: ERROR },
  cancelled: { ...INFO, state: "cancelled", requestId: null },
};

const EVENTS: Readonly<Record<ScanEvent["type"], { event: ScanEvent; becomes: ScanState | "the same" }>> = {
  check: { event: { type: "check" }, becomes: "checking" },
  upload: { event: { type: "upload", hash: "ab", image: IMAGE, note: null }, becomes: "uploading" },
  progress: { event: { type: "progress", sent: 0.7 }, becomes: "uploading" },
  transient_error: { event: { type: "transient_error", error: ERROR, retryAt: null }, becomes: "the same" },
  accepted: { event: { type: "accepted", requestId: "r" }, becomes: "scanning" },
  completed: { event: { type: "completed", request: completed() }, becomes: "completed" },
  follow_up: { event: { type: "follow_up", verdict: completed() }, becomes: "completed" },
  failed: { event: { type: "failed", error: ERROR, requestId: "r" }, becomes: "failed" },
  cancel: { event: { type: "cancel" }, becomes: "cancelled" },
  retry: { event: { type: "retry" }, becomes: "queued" },
  interrupted: { event: { type: "interrupted" }, becomes: "queued" },
};

const PAIRS = Object.values(EVENTS).flatMap(({ event, becomes }) =>
  Object.values(SCANS).map((scan) => ({ event, becomes, scan, type: event.type, state: scan.state })),
);

describe("every event in every state", () => {
  const allowed = PAIRS.filter(({ type, state }) => ALLOWED_STATES[type].includes(state));
  const late = PAIRS.filter(({ type, state }) => !ALLOWED_STATES[type].includes(state));

  it.each(allowed)("$type changes a $state scan to $becomes", ({ event, becomes, scan, state }) => {
    expect(transition(scan, event).state).toBe(becomes === "the same" ? state : becomes);
  });

  it.each(late)("$type does not change a $state scan", ({ event, scan }) => {
    expect(transition(scan, event)).toBe(scan);
  });
});

describe("a scan", () => {
  it("keeps its information through every event", () => {
    for (const { event, scan } of PAIRS)
      expect(transition(scan, event)).toMatchObject({
        ...INFO,
        hash: expect.toSatisfy((hash) => hash === null || hash === "ab"),
        image: expect.toSatisfy((image) => image === null || image === IMAGE),
        attempt: expect.any(Number),
        generation: expect.any(Number),
      });
  });

  it("keeps the hash, the type and the size of its image", () => {
    const uploading = transition(SCANS.checking, { type: "upload", hash: "ab", image: IMAGE, note: null });
    expect(transition(uploading, { type: "accepted", requestId: "r" })).toMatchObject({ hash: "ab", image: IMAGE });
  });

  it("drops the properties of the previous state", () => {
    expect(transition(SCANS.scanning, { type: "cancel" })).not.toHaveProperty("transientError");
  });
});

describe("a retry", () => {
  it("polls the request if it was cancelled after the upload", () => {
    const retried = transition(transition(SCANS.scanning, { type: "cancel" }), { type: "retry" });
    expect(retried).toMatchObject({ state: "scanning", requestId: "r" });
  });

  it("is a new request if the old one failed", () => {
    expect(transition(SCANS.failed, { type: "retry" })).toEqual({ ...SCANS.queued, attempt: 1, generation: 1 });
  });

  it("is the same request if it was cancelled before the API accepted it", () => {
    expect(transition(SCANS.cancelled, { type: "retry" })).toEqual({ ...SCANS.queued, generation: 1 });
  });
});

it("the latest follow-up comes first and does not change the request", () => {
  const verdicts = ["dog", "car"].map((requested) => completed([missed(requested)]));
  const scan = verdicts.reduce((scan, verdict) => transition(scan, { type: "follow_up", verdict }), SCANS.completed);
  expect(scan).toEqual({ ...SCANS.completed, followUps: verdicts.toReversed() });
});

it("a transient error during an upload resets its progress", () => {
  const scan = transition(SCANS.uploading, { type: "transient_error", error: ERROR, retryAt: null });
  expect(scan).toMatchObject({ sent: 0, transientError: ERROR });
});

describe("another version of the same scan", () => {
  const cancelled = transition(SCANS.uploading, { type: "cancel" });
  const retried = transition(cancelled, { type: "retry" });

  it.each<[string, Scan, Scan, boolean]>([
    ["an upload after the user cancelled it", SCANS.uploading, cancelled, true],
    ["a result after the user cancelled it", SCANS.completed, cancelled, true],
    ["a cancellation after a result", cancelled, SCANS.completed, false],
    ["a retry after a cancellation", retried, cancelled, false],
    ["a cancellation after a retry", cancelled, retried, true],
    ["an upload after a result", SCANS.uploading, SCANS.completed, true],
    ["a result after an upload", SCANS.completed, SCANS.uploading, false],
    ["a result after a result", SCANS.completed, SCANS.completed, false],
    ["an upload after an upload", SCANS.uploading, SCANS.scanning, false],
  ])("%s", (_, scan, saved, outdated) => {
    expect(isOutdated(scan, saved)).toBe(outdated);
  });
});
