import type { Label, LabelResult, Match, ScanRequest } from "../../src/api/types";

export function label(name: string, confidence: number, more: Partial<Label> = {}): Label {
  return { name, confidence, parents: [], aliases: [], categories: [], boxes: [], ...more };
}

export function pending(more: Partial<ScanRequest> = {}): ScanRequest {
  return {
    request_id: "r",
    status: "pending",
    message: "The image has not been scanned yet.",
    label: "cat",
    labels_asked: ["cat"],
    match_mode: "any",
    min_confidence: 90,
    label_matched: null,
    results: [],
    match: null,
    closest_labels: [],
    labels: [],
    failure: null,
    upload: null,
    image_hash: "ab",
    created_at: "2026-11-22T10:40:00.123Z",
    completed_at: null,
    ...more,
  };
}

/** The result for a requested label that matched. */
export function matched(requested: string, found = "Cat", matched_by: Match["matched_by"] = "name"): LabelResult {
  return {
    label: requested,
    matched: true,
    match: { label: found, confidence: 97.31, matched_by, boxes: [] },
    closest_labels: [],
  };
}

/** The result for a requested label that did not match. */
export function missed(requested: string, ...closest_labels: Label[]): LabelResult {
  return { label: requested, matched: false, match: null, closest_labels };
}

/** A completed request with the given results. By default, the image contains a cat. */
export function completed(results: readonly LabelResult[] = [matched("cat")], more: Partial<ScanRequest> = {}) {
  return pending({
    status: "completed",
    label: results[0]?.label ?? "",
    labels_asked: results.map(({ label }) => label),
    label_matched: results.some(({ matched }) => matched),
    results,
    match: results.find(({ match }) => match)?.match ?? null,
    closest_labels: results.find(({ matched }) => !matched)?.closest_labels ?? [],
    labels: [label("Cat", 97.31)],
    ...more,
  });
}

export function failed(code: string, message = "It failed."): ScanRequest {
  return pending({ status: "failed", failure: { code, message } });
}
