import { describe, expect, it } from "vitest";
import { advance, newScan, type Scan, type ScanEvent, type State, TAKEN_IN } from "../../src/scan/machine";
import { problem } from "../../src/scan/problem";
import { DEFAULT_QUESTION } from "../../src/scan/question";
import { answered, miss } from "./examples";

const SUBJECT = {
  id: "1",
  name: "cat.jpg",
  question: DEFAULT_QUESTION,
  hash: null,
  addedAt: 0,
  attempt: 0,
};
const SETBACK = problem("too_many", "Slow down.");

const SCANS: Readonly<Record<State, Scan>> = {
  queued: newScan(SUBJECT),
  checking: { ...SUBJECT, state: "checking" },
  sending: { ...SUBJECT, state: "sending", sent: 0.5, setback: null },
  waiting: { ...SUBJECT, state: "waiting", requestId: "r", setback: null },
  answered: { ...SUBJECT, state: "answered", requestId: "r", request: answered(), further: [] },
  failed: { ...SUBJECT, state: "failed", requestId: "r", problem: SETBACK },
  cancelled: { ...SUBJECT, state: "cancelled", requestId: null },
};

const EVENTS: Readonly<Record<ScanEvent["type"], { event: ScanEvent; becomes: State | "the same" }>> = {
  check: { event: { type: "check" }, becomes: "checking" },
  send: { event: { type: "send", hash: "ab" }, becomes: "sending" },
  progress: { event: { type: "progress", sent: 0.7 }, becomes: "sending" },
  setback: { event: { type: "setback", problem: SETBACK }, becomes: "the same" },
  accepted: { event: { type: "accepted", requestId: "r" }, becomes: "waiting" },
  answered: { event: { type: "answered", request: answered() }, becomes: "answered" },
  asked: { event: { type: "asked", verdict: answered() }, becomes: "answered" },
  failed: { event: { type: "failed", problem: SETBACK, requestId: "r" }, becomes: "failed" },
  cancel: { event: { type: "cancel" }, becomes: "cancelled" },
  retry: { event: { type: "retry" }, becomes: "queued" },
  interrupted: { event: { type: "interrupted" }, becomes: "queued" },
};

const PAIRS = Object.values(EVENTS).flatMap(({ event, becomes }) =>
  Object.values(SCANS).map((scan) => ({ event, becomes, scan, type: event.type, state: scan.state })),
);

describe("every event in every state", () => {
  const early = PAIRS.filter(({ type, state }) => TAKEN_IN[type].includes(state));
  const late = PAIRS.filter(({ type, state }) => !TAKEN_IN[type].includes(state));

  it.each(early)("$type moves a scan that is $state to $becomes", ({ event, becomes, scan, state }) => {
    expect(advance(scan, event).state).toBe(becomes === "the same" ? state : becomes);
  });

  it.each(late)("$type changes nothing of a scan that is $state", ({ event, scan }) => {
    expect(advance(scan, event)).toBe(scan);
  });
});

describe("what a scan keeps", () => {
  it("keeps who it is through every event", () => {
    for (const { event, scan } of PAIRS)
      expect(advance(scan, event)).toMatchObject({
        ...SUBJECT,
        hash: expect.toSatisfy((hash) => hash === null || hash === "ab"),
        attempt: expect.any(Number),
      });
  });

  it("keeps the picture's hash once it is known", () => {
    const sending = advance(SCANS.checking, { type: "send", hash: "ab" });
    expect(advance(sending, { type: "accepted", requestId: "r" }).hash).toBe("ab");
  });

  it("carries nothing of one state into the next", () => {
    expect(advance(SCANS.waiting, { type: "cancel" })).not.toHaveProperty("setback");
  });
});

describe("what a retry does", () => {
  it("takes up a request that was given up while it was waiting, without sending the picture again", () => {
    const retried = advance(advance(SCANS.waiting, { type: "cancel" }), { type: "retry" });
    expect(retried).toMatchObject({ state: "waiting", requestId: "r" });
  });

  it("asks anew where the request failed, as another request", () => {
    expect(advance(SCANS.failed, { type: "retry" })).toEqual({ ...SCANS.queued, attempt: 1 });
  });

  it("repeats the request that was given up before its answer was there", () => {
    expect(advance(SCANS.cancelled, { type: "retry" })).toEqual(SCANS.queued);
  });
});

it("further answers come before earlier ones, and leave the first as it is", () => {
  const verdicts = ["dog", "car"].map((wanted) => answered([miss(wanted)]));
  const asked = verdicts.reduce((scan, verdict) => advance(scan, { type: "asked", verdict }), SCANS.answered);
  expect(asked).toEqual({ ...SCANS.answered, further: verdicts.toReversed() });
});

it("a setback while sending starts the sending over", () => {
  expect(advance(SCANS.sending, { type: "setback", problem: SETBACK })).toMatchObject({ sent: 0, setback: SETBACK });
});
