import type { Feature } from "../core/question";
import { formatQuestion, formatVerdict, questionOf } from "./format";
import type { Entry } from "./history";
import { requestIdOf, type Scan } from "./machine";
import { latestVerdict, outcomeOf } from "./overview";

const COLUMNS = [
  "name",
  "outcome",
  "result",
  "question",
  "matched_label",
  "confidence",
  "labels",
  "request_id",
  "image_hash",
  "features",
  "moderation_labels",
  "text",
];

/** Return a table with the latest result of each image. Programs that open CSV files expect CRLF. */
export function toCsv(entries: readonly Entry[]): string {
  const rows = entries.map(({ scan }) => row(scan));
  return [COLUMNS, ...rows]
    .map((cells) => cells.map(quote).join(","))
    .join("\r\n")
    .concat("\r\n");
}

function row(scan: Scan): readonly string[] {
  const verdict = latestVerdict(scan);
  const { labels, moderation, text } = scan.state === "completed" ? scan.request : NO_FINDINGS;
  return [
    scan.name ?? "",
    outcomeOf(scan),
    verdict ? formatVerdict(verdict, labels) : scan.state === "failed" ? scan.error.message : "",
    verdict ? formatQuestion(questionOf(verdict)) : scan.question ? formatQuestion(scan.question) : "",
    verdict?.match?.label ?? "",
    verdict?.match ? String(verdict.match.confidence) : "",
    withConfidences(labels),
    requestIdOf(scan) ?? "",
    scan.hash ?? verdict?.image_hash ?? "",
    featuresOf(scan).join("; "),
    withConfidences(moderation?.labels ?? []),
    withConfidences((text?.lines ?? []).map(({ text, confidence }) => ({ name: text, confidence }))),
  ];
}

const NO_FINDINGS = { labels: [], moderation: null, text: null };

/** Return the features that an image was scanned for, or will be. */
function featuresOf(scan: Scan): readonly Feature[] {
  return scan.state === "completed" ? scan.request.features : (scan.question?.features ?? []);
}

/** "Cat 97.31; Pet 96" */
function withConfidences(findings: readonly { readonly name: string; readonly confidence: number }[]): string {
  return findings.map(({ name, confidence }) => `${name} ${confidence}`).join("; ");
}

/** Quote a cell. A cell that starts like a formula is text, because file names come from others. */
function quote(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Return the complete results of each image. */
export function toJson(entries: readonly Entry[]): string {
  const images = entries.map(({ scan }) => ({
    name: scan.name,
    outcome: outcomeOf(scan),
    request: scan.state === "completed" ? scan.request : null,
    follow_ups: scan.state === "completed" ? scan.followUps : [],
    error: scan.state === "failed" ? scan.error.message : null,
    request_id: requestIdOf(scan),
    image_hash: scan.hash,
    features: featuresOf(scan),
  }));
  return `${JSON.stringify(images, null, 2)}\n`;
}

/** Save text as a file of the user. */
export function download(text: string, name: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
