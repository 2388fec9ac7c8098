import { describe, expect, it } from "vitest";
import { errorInfo } from "../../src/core/errors";
import { DEFAULT_QUESTION } from "../../src/core/question";
import { toCsv, toJson } from "../../src/scan/export";
import type { Entry } from "../../src/scan/history";
import type { Scan, ScanPhase } from "../../src/scan/machine";
import { countOutcomes, DEFAULT_SETTINGS, outcomeOf, selectEntries } from "../../src/scan/overview";
import { nextIndex } from "../../src/view/Tiles";
import { completed, findings, label, matched, missed, moderationLabel, textLine } from "./examples";

let ids = 0;

function entry(name: string, phase: ScanPhase): Entry {
  const id = String(++ids);
  const info = { id, name, question: DEFAULT_QUESTION, hash: "ab", image: null, note: null, addedAt: 0, sequence: ids };
  return { scan: { ...info, attempt: 0, generation: 0, ...phase } as Scan, preview: null, file: null };
}

const done = (request = completed()): ScanPhase => ({ state: "completed", requestId: "r", request, followUps: [] });
const DOG = label("Dog", 62, { aliases: ["Hound"] });

const YES = entry("b10.jpg", done());
const NO = entry("b9.jpg", done(completed([missed("cat", DOG)], { labels: [DOG] })));
const FAILED = entry("c.jpg", { state: "failed", requestId: null, error: errorInfo("rejected", "Too small.") });
const CANCELLED = entry("d.jpg", { state: "cancelled", requestId: null });
const QUEUED = entry("a.jpg", { state: "queued" });
const ALL = [YES, NO, FAILED, CANCELLED, QUEUED];

const shown = (settings: Partial<typeof DEFAULT_SETTINGS>) =>
  selectEntries(ALL, { ...DEFAULT_SETTINGS, ...settings }).map(({ scan }) => scan.name);

it("every scan has an outcome", () => {
  expect(ALL.map(({ scan }) => outcomeOf(scan))).toEqual(["yes", "no", "failed", "cancelled", "in_progress"]);
  expect([...countOutcomes([...ALL, YES])]).toContainEqual(["yes", 2]);
});

it("a scan without a question has an outcome of its own", () => {
  expect(outcomeOf(entry("sign.jpg", done(completed([]))).scan)).toBe("no_question");
});

it("moderation labels and text are searched, too", () => {
  const found = findings([moderationLabel("Beer", 91, "Alcohol")], [textLine("Big SALE", 60)]);
  const sign = entry("sign.jpg", done(completed([], found)));
  const search = (search: string, minConfidence: number | null = null) =>
    selectEntries([sign], { ...DEFAULT_SETTINGS, search, minConfidence }).length;
  expect([search("beer"), search("alcohol"), search("big sale"), search("violence")]).toEqual([1, 1, 1, 0]);
  expect([search("beer", 92), search("big sale", 61)]).toEqual([0, 0]);
});

it("the latest follow-up question decides the outcome", () => {
  const asked = entry("cat.jpg", { ...done(), followUps: [completed([missed("dog")])] } as ScanPhase);
  expect(outcomeOf(asked.scan)).toBe("no");
});

it("images are filtered by outcome", () => {
  expect(shown({ outcome: "no" })).toEqual(["b9.jpg"]);
});

it("images are sorted", () => {
  expect(shown({})).toEqual(["a.jpg", "d.jpg", "c.jpg", "b9.jpg", "b10.jpg"]);
  expect(shown({ order: "name" })).toEqual(["a.jpg", "b9.jpg", "b10.jpg", "c.jpg", "d.jpg"]);
  expect(shown({ order: "confidence" }).slice(0, 2)).toEqual(["b10.jpg", "b9.jpg"]);
});

it("names and labels are searched, labels only from a confidence on", () => {
  expect(shown({ search: " B9 " })).toEqual(["b9.jpg"]);
  expect(shown({ search: "hound" })).toEqual(["b9.jpg"]);
  expect(shown({ search: "dog", minConfidence: 62 })).toEqual(["b9.jpg"]);
  expect(shown({ search: "dog", minConfidence: 63 })).toEqual([]);
});

describe("the export", () => {
  it("as CSV has one row per image", () => {
    const [head, ...rows] = toCsv([YES, FAILED]).split("\r\n");
    expect(head).toBe(
      "name,outcome,result,question,matched_label,confidence,labels,request_id,image_hash,features,moderation_labels,text",
    );
    expect(rows).toEqual([
      "b10.jpg,yes,Yes: a cat (97.3%),“cat” at 90% or higher,Cat,97.31,Cat 97.31,r,ab,labels,,",
      "c.jpg,failed,Too small.,“cat” at 90% or higher,,,,,ab,labels,,",
      "",
    ]);
  });

  it.each([
    ["a,b.jpg", '"a,b.jpg"'],
    ['a"b.jpg', '"a""b.jpg"'],
    ["=HYPERLINK(1)", "'=HYPERLINK(1)"],
    ["@cat, dog", '"\'@cat, dog"'],
  ])("quotes the name %s", (name, cell) => {
    expect(toCsv([entry(name, { state: "queued" })])).toContain(`\r\n${cell},in_progress`);
  });

  it("as CSV has the moderation labels and the text at the end of a row", () => {
    const found = findings(
      [moderationLabel("Alcohol", 97.3), moderationLabel("Beer", 91, "Alcohol")],
      [textLine("SALE")],
    );
    const [, row] = toCsv([entry("sign.jpg", done(completed([], found)))]).split("\r\n");
    expect(row).toMatch(/^sign\.jpg,no_question,"Scanned for labels, moderation and text",/);
    expect(row).toMatch(/,labels; moderation; text,Alcohol 97\.3; Beer 91,SALE 99\.1$/);
  });

  it("as JSON has the complete results", () => {
    const request = completed([matched("cat")]);
    expect(JSON.parse(toJson([entry("cat.jpg", done(request)), FAILED]))).toMatchObject([
      { name: "cat.jpg", outcome: "yes", request, follow_ups: [], error: null, request_id: "r", features: ["labels"] },
      { name: "c.jpg", outcome: "failed", request: null, error: "Too small." },
    ]);
  });
});

it.each([
  ["ArrowRight", 4, 5],
  ["ArrowLeft", 4, 3],
  ["ArrowDown", 4, 7],
  ["ArrowUp", 4, 1],
  ["ArrowUp", 1, null],
  ["ArrowDown", 8, null],
  ["ArrowRight", 9, null],
  ["Home", 4, 0],
  ["End", 4, 9],
  ["Enter", 4, null],
])("the key %s moves from tile %i of 10 in 3 columns to %s", (key, from, to) => {
  expect(nextIndex(key, from, 10, 3)).toBe(to);
});
