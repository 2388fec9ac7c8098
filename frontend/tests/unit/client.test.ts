import { expect, it } from "vitest";
import { checkDeletion, checkUpload, parseReply, parseVerdict, questionBody } from "../../src/api/client";
import { errorFromFailure } from "../../src/api/errors";
import type { ScanRequest } from "../../src/api/types";
import { ScanError } from "../../src/core/errors";
import { DEFAULT_QUESTION, FEATURES, type MatchMode, type Question } from "../../src/core/question";
import { completed, findings, foundText, matched, missed, missedTerm, pending, textLine } from "./examples";

const BODY = pending();

it.each([200, 202])("a %i response with a scan request is a reply", (status) => {
  const response = { status, text: JSON.stringify(BODY), retryAfter: "2" };
  expect(parseReply(response)).toEqual({ request: BODY, retryAfterMs: 2_000, wasHeld: false });
  expect(parseReply({ ...response, preferenceApplied: "wait=20" }).wasHeld).toBe(true);
});

it.each([
  [400, "rejected", false],
  [403, "rejected", false],
  [413, "too_large", false],
  [415, "rejected", false],
  [429, "rate_limited", true],
  [500, "unavailable", true],
  [504, "unavailable", true],
])("a %i response is the error %s", (status, kind, retryable) => {
  const error = errorOf(status, JSON.stringify({ message: "Reason.", code: "x" }));
  expect(error.info).toEqual({ kind, message: "Reason.", retryable });
});

it.each<Partial<ScanRequest>>([
  { label_matched: null },
  { label_matched: false },
  { results: [] },
  { results: [{ ...matched("cat"), match: null }] },
  { match_mode: "none" },
  { match_mode: "most" as MatchMode },
  { match_mode: "all", results: [matched("cat"), missed("dog")] },
])("an inconsistent verdict is an error: %o", (inconsistent) => {
  const text = JSON.stringify({ ...completed(), ...inconsistent });
  expect(errorOf(200, text).info.kind).toBe("unavailable");
  expect(() => parseVerdict({ status: 200, text, retryAfter: null })).toThrow(ScanError);
});

it.each<[MatchMode, boolean]>([
  ["any", true],
  ["all", false],
  ["none", false],
])("with one match and one miss, match mode %s gives %s", (match_mode, label_matched) => {
  const verdict = completed([matched("cat"), missed("dog")], { match_mode, label_matched });
  expect(parseVerdict({ status: 200, text: JSON.stringify(verdict), retryAfter: null })).toEqual(verdict);
});

it("a completed request without terms has no yes or no", () => {
  const request = completed([], findings([], [textLine("SALE")]));
  expect(parseReply({ status: 200, text: JSON.stringify(request), retryAfter: null }).request).toEqual(request);
});

it("a verdict combines the results for all features", () => {
  const verdict = completed([matched("cat"), missedTerm("moderation", "*"), foundText("sale", "SALE")]);
  expect(parseVerdict({ status: 200, text: JSON.stringify(verdict), retryAfter: null })).toEqual(verdict);
});

it("a response of an earlier version of the service is completed", () => {
  const { features, moderation, text, moderation_asked, text_asked, results, ...earlier } = completed();
  const body = JSON.stringify({ ...earlier, results: results.map(({ feature, ...result }) => result) });
  expect(parseReply({ status: 200, text: body, retryAfter: null }).request).toEqual(completed());
});

it.each<[string, Partial<Question>, object]>([
  ["labels", {}, { labels: ["cat"] }],
  ["moderation", { labels: [], moderation: ["*"], features: ["moderation"] }, { moderation: ["*"] }],
  ["several features", { text: ["sale"], features: ["labels", "text"] }, { labels: ["cat"], text: ["sale"] }],
  ["a feature without terms", { features: ["labels", "text"] }, { labels: ["cat"], features: ["text"] }],
  ["features without terms", { features: FEATURES, labels: [] }, { features: FEATURES }],
])("a question about %s is sent without empty fields", (_, question, fields) => {
  const body = questionBody({ ...DEFAULT_QUESTION, ...question });
  expect(body).toEqual({ ...fields, match_mode: "any", min_confidence: 90 });
});

it("a follow-up question about a feature that the image was not scanned for is an error of its own", () => {
  const error = errorOf(409, JSON.stringify({ code: "feature_not_scanned", message: "Reason." }));
  expect(error.info).toEqual({ kind: "not_scanned", message: "Reason.", retryable: false });
});

it.each([
  [400, "upload_failed"],
  [403, "upload_failed"],
  [409, "upload_failed"],
  [500, "unavailable"],
  [503, "unavailable"],
])("a %i response from S3 is the retryable error %s", (status, kind) => {
  const upload = () => checkUpload({ status, text: "<Error><Message>Denied</Message></Error>", retryAfter: null });
  expect(upload).toThrow(expect.objectContaining({ info: expect.objectContaining({ kind, retryable: true }) }));
});

it("an upload that S3 already has is complete", () => {
  expect(() => checkUpload({ status: 412, text: "<Error/>", retryAfter: null })).not.toThrow();
});

it.each([
  [204, ""],
  [404, JSON.stringify({ code: "request_not_found", message: "Reason." })],
])("a %i response to a deletion means that the request is gone", (status, text) => {
  expect(() => checkDeletion({ status, text, retryAfter: null })).not.toThrow();
});

it("a 404 response to a deletion from a URL without an API does not mean that the request is gone", () => {
  const response = { status: 404, text: '{"message": "Not Found"}', retryAfter: null };
  expect(() => checkDeletion(response)).toThrow("Reload the page");
});

it("a 404 response is a missing request only if it has the code of the API", () => {
  const missing = errorOf(404, JSON.stringify({ code: "request_not_found", message: "Reason." }));
  expect(missing.info).toEqual({ kind: "not_found", message: "Reason.", retryable: false });
  for (const text of ["", "<html>", '{"message": "Not Found"}', '{"code": "not_found", "message": "No path."}'])
    expect(errorOf(404, text).info).toMatchObject({ kind: "reload_required", retryable: true });
});

it.each([
  [403, "rejected"],
  [429, "rate_limited"],
  [503, "unavailable"],
])("a %i response to a deletion is the error %s", (status, kind) => {
  const remove = () => checkDeletion({ status, text: '{"message": "Reason."}', retryAfter: null });
  expect(remove).toThrow(expect.objectContaining({ info: expect.objectContaining({ kind, message: "Reason." }) }));
});

it.each(["<html>Bad gateway</html>", "", "null", "{}", '{"request_id": "r", "status": "unknown"}', "[]"])(
  "a body that is not a scan request is an error: %s",
  (text) => {
    expect(errorOf(200, text).info.kind).toBe("unavailable");
  },
);

it("an error without a message gets a default message", () => {
  expect(errorOf(413, "").message).toMatch(/exceeds the size limit/);
});

it.each([
  ["timed_out", "timed_out", true],
  ["never_uploaded", "upload_failed", true],
  ["attempts_exhausted", "scan_failed", true],
  ["image_invalid", "scan_failed", false],
  ["image_too_large", "scan_failed", false],
])("a request that failed with %s is the error %s", (code, kind, retryable) => {
  expect(errorFromFailure({ code, message: "Reason." })).toEqual({ kind, message: "Reason.", retryable });
});

function errorOf(status: number, text: string): ScanError {
  try {
    parseReply({ status, text, retryAfter: null });
  } catch (error) {
    if (error instanceof ScanError) return error;
    throw error;
  }
  throw new Error("The response was accepted.");
}
