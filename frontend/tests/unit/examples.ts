import type { Label, Match, ModerationLabel, ScanRequest, TermResult, TextLine } from "../../src/api/types";
import { FEATURES, type Feature } from "../../src/core/question";

export function label(name: string, confidence: number, more: Partial<Label> = {}): Label {
  return { name, confidence, parents: [], aliases: [], categories: [], boxes: [], ...more };
}

export function pending(more: Partial<ScanRequest> = {}): ScanRequest {
  return {
    request_id: "r",
    status: "pending",
    message: "The image has not been scanned yet.",
    label: "cat",
    features: ["labels"],
    labels_asked: ["cat"],
    moderation_asked: [],
    text_asked: [],
    match_mode: "any",
    min_confidence: 90,
    label_matched: null,
    results: [],
    match: null,
    closest_labels: [],
    labels: [],
    moderation: null,
    text: null,
    failure: null,
    reused_by: null,
    content_hash: null,
    upload: null,
    image_hash: "ab",
    created_at: "2026-11-22T10:40:00.123Z",
    completed_at: null,
    ...more,
  };
}

/** The result for a requested label that matched. */
export function matched(requested: string, found = "Cat", matched_by: Match["matched_by"] = "name"): TermResult {
  return {
    feature: "labels",
    label: requested,
    matched: true,
    match: { label: found, confidence: 97.31, matched_by, boxes: [] },
    closest_labels: [],
  };
}

/** The result for a requested label that did not match. */
export function missed(requested: string, ...closest_labels: Label[]): TermResult {
  return { feature: "labels", label: requested, matched: false, match: null, closest_labels };
}

/** A completed request with the given results. By default, the image contains a cat. */
export function completed(results: readonly TermResult[] = [matched("cat")], more: Partial<ScanRequest> = {}) {
  return pending({
    status: "completed",
    label: results.find(({ feature }) => feature === "labels")?.label ?? null,
    features: FEATURES.filter((feature) => results.some((result) => result.feature === feature)),
    labels_asked: termsOf("labels", results),
    moderation_asked: termsOf("moderation", results),
    text_asked: termsOf("text", results),
    label_matched: results.length ? results.some(({ matched }) => matched) : null,
    results,
    match: results.find(({ match }) => match)?.match ?? null,
    closest_labels: results.find(({ matched }) => !matched)?.closest_labels ?? [],
    labels: [label("Cat", 97.31)],
    ...more,
  });
}

function termsOf(feature: Feature, results: readonly TermResult[]): string[] {
  return results.filter((result) => result.feature === feature).map(({ label }) => label);
}

/** The results for moderation labels and for text have no closest labels. */
export const foundModeration = (requested: string, found: string, matched_by: Match["matched_by"] = "name") => ({
  ...matched(requested, found, matched_by),
  feature: "moderation" as const,
});
export const foundText = (requested: string, line: string) => ({
  ...matched(requested, line, "text"),
  feature: "text" as const,
});
export const missedTerm = (feature: Feature, requested: string) => ({ ...missed(requested), feature });

export function moderationLabel(name: string, confidence: number, ...parents: string[]): ModerationLabel {
  return { name, confidence, parents, taxonomy_level: parents.length + 1 };
}

/** A line of text in an upright box at the top of the image. */
export function textLine(text: string, confidence = 99.1): TextLine {
  const box = { left: 0.1, top: 0.1, width: 0.5, height: 0.1 };
  const polygon = [
    { x: 0.1, y: 0.1 },
    { x: 0.6, y: 0.1 },
    { x: 0.6, y: 0.2 },
    { x: 0.1, y: 0.2 },
  ];
  return { text, confidence, box, polygon, words: [{ text, confidence, box, polygon }] };
}

/** The findings of a request that was scanned for all features. */
export function findings(labels: readonly ModerationLabel[], lines: readonly TextLine[]) {
  return {
    features: FEATURES,
    moderation: { labels, model_version: "7.0" },
    text: { lines, model_version: "3.0" },
  };
}

export function failed(code: string, message = "It failed."): ScanRequest {
  return pending({ status: "failed", failure: { code, message } });
}
