import { expect, it } from "vitest";
import { checkUpload, read, readVerdict } from "../../src/api/client";
import type { MatchMode, ScanRequest } from "../../src/api/contract";
import { problemOfFailure, ScanProblem } from "../../src/scan/problem";
import { answered, hit, miss, pending } from "./examples";

const BODY = pending();

it.each([200, 202])("a %i with a scan request is a reply", (status) => {
  expect(read({ status, text: JSON.stringify(BODY), retryAfter: "2" })).toEqual({ request: BODY, retryAfterMs: 2_000 });
});

it.each([
  [400, "refused", false],
  [403, "refused", false],
  [404, "expired", false],
  [413, "too_large", false],
  [415, "refused", false],
  [429, "too_many", true],
  [500, "unavailable", true],
  [504, "unavailable", true],
])("a %i is told as %s", (status, kind, passing) => {
  const problem = problemOf(status, JSON.stringify({ message: "Why.", code: "x" }));
  expect(problem.problem).toEqual({ kind, message: "Why.", passing });
});

it.each<Partial<ScanRequest>>([
  { label_matched: null },
  { label_matched: false },
  { results: [] },
  { results: [{ ...hit("cat"), match: null }] },
  { match_mode: "none" },
  { match_mode: "most" as MatchMode },
  { match_mode: "all", results: [hit("cat"), miss("dog")] },
])("what is no plain yes or no is taken for neither: %o", (unclear) => {
  const text = JSON.stringify({ ...answered(), ...unclear });
  expect(problemOf(200, text).problem.kind).toBe("unavailable");
  expect(() => readVerdict({ status: 200, text, retryAfter: null })).toThrow(ScanProblem);
});

it.each<[MatchMode, boolean]>([
  ["any", true],
  ["all", false],
  ["none", false],
])("of a cat and no dog, %s of them is %s", (match_mode, label_matched) => {
  const verdict = answered([hit("cat"), miss("dog")], { match_mode, label_matched });
  expect(readVerdict({ status: 200, text: JSON.stringify(verdict), retryAfter: null })).toEqual(verdict);
});

it.each([
  [400, "unsent"],
  [403, "unsent"],
  [500, "unavailable"],
  [503, "unavailable"],
])("an upload that the storage answers with %i is %s, and may be tried again", (status, kind) => {
  const upload = () => checkUpload({ status, text: "<Error><Message>Denied</Message></Error>", retryAfter: null });
  expect(upload).toThrow(expect.objectContaining({ problem: expect.objectContaining({ kind, passing: true }) }));
});

it.each(["<html>Bad gateway</html>", "", "null", "{}", '{"request_id": "r", "status": "puzzled"}', "[]"])(
  "what is no scan request is not taken for one: %s",
  (text) => {
    expect(problemOf(200, text).problem.kind).toBe("unavailable");
  },
);

it("an error without a sentence of its own gets one", () => {
  expect(problemOf(404, "").message).toMatch(/does not know this request/);
});

it.each([
  ["timed_out", "timed_out", true],
  ["never_uploaded", "unsent", true],
  ["attempts_exhausted", "failed", true],
  ["image_invalid", "failed", false],
  ["image_too_large", "failed", false],
])("a request that failed with %s is %s", (code, kind, passing) => {
  expect(problemOfFailure({ code, message: "Why." })).toEqual({ kind, message: "Why.", passing });
});

function problemOf(status: number, text: string): ScanProblem {
  try {
    read({ status, text, retryAfter: null });
  } catch (error) {
    if (error instanceof ScanProblem) return error;
    throw error;
  }
  throw new Error("The answer was taken for a reply.");
}
