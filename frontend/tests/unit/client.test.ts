import { expect, it } from "vitest";
import { read } from "../../src/api/client";
import { problemOfFailure, ScanProblem } from "../../src/scan/problem";
import { answered, pending } from "./examples";

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

it.each([
  { label_matched: null, match: null },
  { label_matched: true, match: null },
])("what is no plain yes or no is taken for neither: %o", (unclear) => {
  expect(problemOf(200, JSON.stringify(answered(unclear))).problem.kind).toBe("unavailable");
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
