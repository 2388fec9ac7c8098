import type { Label, ScanRequest } from "../../src/api/contract";

export function label(name: string, confidence: number, more: Partial<Label> = {}): Label {
  return { name, confidence, parents: [], aliases: [], categories: [], boxes: [], ...more };
}

export function pending(more: Partial<ScanRequest> = {}): ScanRequest {
  return {
    request_id: "r",
    status: "pending",
    message: "The picture is being looked at.",
    label: "cat",
    min_confidence: 90,
    label_matched: null,
    match: null,
    nearest: [],
    labels: [],
    failure: null,
    image_hash: "ab",
    created_at: "2026-11-22T10:40:00.123Z",
    completed_at: null,
    ...more,
  };
}

export function answered(more: Partial<ScanRequest> = {}): ScanRequest {
  return pending({
    status: "completed",
    label_matched: true,
    match: { label: "Cat", confidence: 97.31, matched_by: "name", boxes: [] },
    labels: [label("Cat", 97.31)],
    ...more,
  });
}

export function failed(code: string, message = "It went wrong."): ScanRequest {
  return pending({ status: "failed", failure: { code, message } });
}
