import type { Label, LabelResult, Match, Verdict } from "../api/types";
import type { ErrorInfo, ErrorKind } from "../core/errors";
import { isSameLabel } from "../core/labels";
import type { MatchMode, Question } from "../core/question";
import type { Scan, TransientError } from "./machine";

/** Format a confidence. Rounded down, so that 89.9% never shows as the required 90%. */
export function formatPercent(confidence: number): string {
  return `${Math.floor(confidence)}%`;
}

/** Format a required confidence, which is shown exactly. */
export function formatThreshold(confidence: number): string {
  return `${confidence}%`;
}

const QUANTIFIERS: Readonly<Record<MatchMode, string>> = { any: "any of ", all: "all of ", none: "none of " };

/** Return the question that a verdict answers. */
export function questionOf({ labels_asked, match_mode, min_confidence }: Verdict): Question {
  return { labels: labels_asked, matchMode: match_mode, minConfidence: min_confidence };
}

/** Format a question, such as "“cat” at 90% or higher" or "any of “cat”, “dog” at 90% or higher". */
export function formatQuestion({ labels, matchMode, minConfidence }: Question): string {
  const quantifier = labels.length > 1 || matchMode === "none" ? QUANTIFIERS[matchMode] : "";
  const quoted = labels.map((label) => `“${label}”`).join(", ");
  const threshold =
    minConfidence < 100 ? `${formatThreshold(minConfidence)} or higher` : formatThreshold(minConfidence);
  return `${quantifier}${quoted} at ${threshold}`;
}

const UNCOUNTABLE = new Set([
  "clothing",
  "coffee",
  "food",
  "furniture",
  "grass",
  "nature",
  "outdoors",
  "sky",
  "text",
  "water",
]);

/** Add the indefinite article to a label: "a cat", "an animal", "glasses", "food". */
export function withArticle(label: string): string {
  const name = label.toLowerCase();
  if (UNCOUNTABLE.has(name) || /[^su]s$/.test(name)) return name;
  return `${/^[aeiou]/.test(name) ? "an" : "a"} ${name}`;
}

/** Format the result of a question. */
export function formatVerdict(verdict: Verdict): string {
  const [only, ...others] = verdict.results;
  return only && others.length === 0 && verdict.match_mode !== "none"
    ? formatLabelResult(only, verdict.min_confidence)
    : formatMultiLabel(verdict);
}

/** Format the result for one label. */
export function formatLabelResult({ label, match, closest_labels }: LabelResult, minConfidence: number): string {
  return match
    ? `Yes: ${formatMatch(label, match)}, ${formatPercent(match.confidence)}`
    : formatMiss(label, closest_labels[0], minConfidence);
}

/** "Yes: a cat (97%) and a person (91%)", "No: a cat (97%), but no car". */
function formatMultiLabel({ results, match_mode, label_matched }: Verdict): string {
  const found = results
    .flatMap(({ label, match }) => (match ? `${formatMatch(label, match)} (${formatPercent(match.confidence)})` : []))
    .join(" and ");
  const missing = results
    .filter(({ matched }) => !matched)
    .map(({ label }) => `no ${label}`)
    .join(" and ");
  const isExplainedByMatches = label_matched !== (match_mode === "none");
  const reason = isExplainedByMatches ? found : [found, missing].filter(Boolean).join(", but ");
  return `${label_matched ? "Yes" : "No"}: ${reason}`;
}

function formatMatch(requested: string, match: Match): string {
  return `${withArticle(match.label)}${formatMatchedBy(requested, match)}`;
}

function formatMatchedBy(requested: string, match: Match): string {
  if (isSameLabel(requested, match.label)) return "";
  const suffixes = {
    name: "",
    alias: `, also called ${requested}`,
    parent: `, which is ${withArticle(requested)}`,
    category: `, in category ${requested}`,
  };
  return suffixes[match.matched_by];
}

function formatMiss(requested: string, closest: Label | undefined, minConfidence: number): string {
  if (!closest) return `No ${requested}: no labels found`;
  const confidence = formatPercent(closest.confidence);
  const name = closest.name.toLowerCase();
  return isNamed(requested, closest)
    ? `No: ${name} found at ${confidence}, below ${formatThreshold(minConfidence)}`
    : `No ${requested}. Closest: ${name}, ${confidence}`;
}

function isNamed(requested: string, label: Label): boolean {
  return [label.name, ...label.aliases].some((name) => isSameLabel(name, requested));
}

const ERROR_TITLES: Readonly<Record<ErrorKind, string>> = {
  offline: "You are offline",
  unavailable: "Service unavailable",
  rejected: "Not accepted",
  signed_out: "You are signed out",
  upload_failed: "Upload failed",
  too_large: "Too large",
  rate_limited: "Too many requests",
  scan_failed: "Scan failed",
  timed_out: "Timed out",
  not_found: "Request not found",
};

export function errorTitle(kind: ErrorKind): string {
  return ERROR_TITLES[kind];
}

export function formatError({ kind, message }: ErrorInfo): string {
  return `${errorTitle(kind)}: ${message}`;
}

/** State what the page does after a transient error. */
export function formatRetry({ kind, retryAt }: TransientError): string {
  if (kind === "offline") return "The page continues when you are online.";
  const next = retryAt === null ? "" : ` Next attempt at ${new Date(retryAt).toLocaleTimeString()}.`;
  return `The page tries again while it is open.${next}`;
}

export function displayName({ name }: Scan): string {
  return name ?? "Request";
}

/** Format the result or the error of a scan. Return null while there is neither. */
export function formatOutcome(scan: Scan): string | null {
  if (scan.state === "completed") return formatVerdict(scan.request);
  return scan.state === "failed" ? formatError(scan.error) : null;
}
