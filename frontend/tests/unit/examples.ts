import type { Label, Match, Result, ScanRequest } from "../../src/api/contract";

export function label(name: string, confidence: number, more: Partial<Label> = {}): Label {
  return { name, confidence, parents: [], aliases: [], categories: [], boxes: [], ...more };
}

export function pending(more: Partial<ScanRequest> = {}): ScanRequest {
  return {
    request_id: "r",
    status: "pending",
    message: "The picture is being looked at.",
    label: "cat",
    labels_asked: ["cat"],
    match_mode: "any",
    min_confidence: 90,
    label_matched: null,
    results: [],
    match: null,
    nearest: [],
    labels: [],
    failure: null,
    upload: null,
    image_hash: "ab",
    created_at: "2026-11-22T10:40:00.123Z",
    completed_at: null,
    ...more,
  };
}

/** What an asked label came to that matched. */
export function hit(asked: string, found = "Cat", matched_by: Match["matched_by"] = "name"): Result {
  return {
    label: asked,
    matched: true,
    match: { label: found, confidence: 97.31, matched_by, boxes: [] },
    nearest: [],
  };
}

/** What an asked label came to that did not match. */
export function miss(asked: string, ...nearest: Label[]): Result {
  return { label: asked, matched: false, match: null, nearest };
}

/** A request that was answered with these results; without any, that the picture shows a cat. */
export function answered(results: readonly Result[] = [hit("cat")], more: Partial<ScanRequest> = {}): ScanRequest {
  return pending({
    status: "completed",
    label: results[0]?.label ?? "",
    labels_asked: results.map(({ label }) => label),
    label_matched: results.some(({ matched }) => matched),
    results,
    match: results.find(({ match }) => match)?.match ?? null,
    nearest: results.find(({ matched }) => !matched)?.nearest ?? [],
    labels: [label("Cat", 97.31)],
    ...more,
  });
}

export function failed(code: string, message = "It went wrong."): ScanRequest {
  return pending({ status: "failed", failure: { code, message } });
}
