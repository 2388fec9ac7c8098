import type { Label, Match, TermResult, Verdict } from "../api/types";
import type { ErrorInfo, ErrorKind } from "../core/errors";
import { isSameLabel } from "../core/labels";
import {
  ANY_MODERATION_LABEL,
  countTerms,
  FEATURES,
  type Feature,
  featuresWithoutTerms,
  type MatchMode,
  type Question,
} from "../core/question";
import type { Scan, TransientError } from "./machine";

/**
 * Format a confidence with one decimal, as the messages of the API do: 98.6642 is "98.7%". Ties are rounded to the even
 * digit.
 */
export function formatPercent(confidence: number): string {
  // Binary fractions have a tie at .25 and at .75 only, and toFixed rounds the former up.
  const rounded = confidence % 1 === 0.25 ? Math.floor(confidence) + 0.2 : confidence;
  return `${rounded.toFixed(1)}%`;
}

/** Format a confidence below the required one. If it would be rounded up to that, it is shown exactly. */
function formatPercentBelow(confidence: number, minConfidence: number): string {
  const rounded = formatPercent(confidence);
  return Number.parseFloat(rounded) < minConfidence ? rounded : `${confidence}%`;
}

/** Format a required confidence, which is shown exactly. */
export function formatThreshold(confidence: number): string {
  return `${confidence}%`;
}

const QUANTIFIERS: Readonly<Record<MatchMode, string>> = { any: "any of ", all: "all of ", none: "none of " };

/** Return the question that a verdict answers. */
export function questionOf(verdict: Verdict): Question {
  return {
    features: verdict.features,
    labels: verdict.labels_asked,
    moderation: verdict.moderation_asked,
    text: verdict.text_asked,
    matchMode: verdict.match_mode,
    minConfidence: verdict.min_confidence,
  };
}

/**
 * Format a question, such as "“cat” at 90% or higher", "any of “cat”, text “sale” at 90% or higher" or "scan for text
 * without a question".
 */
export function formatQuestion(question: Question): string {
  const others = formatFeatures(featuresWithoutTerms(question));
  const count = countTerms(question);
  if (count === 0) return `scan for ${others} without a question`;
  const { matchMode, minConfidence } = question;
  const quantifier = count > 1 || matchMode === "none" ? QUANTIFIERS[matchMode] : "";
  const terms = FEATURES.flatMap((feature) => question[feature].map((term) => formatTerm(feature, term)));
  const scans = others && `, and scan for ${others}`;
  return `${quantifier}${terms.join(", ")} at ${formatRange(minConfidence)}${scans}`;
}

/** Format the terms of a question for a button: "cat, dog, “sale”". */
export function formatTerms({ labels, moderation, text }: Question): string {
  const names = moderation.map((name) => (name === ANY_MODERATION_LABEL ? "any moderation label" : name));
  return [...labels, ...names, ...text.map((phrase) => `“${phrase}”`)].join(", ");
}

function formatTerm(feature: Feature, term: string): string {
  if (feature === "labels") return `“${term}”`;
  if (feature === "text") return `text “${term}”`;
  return term === ANY_MODERATION_LABEL ? "a moderation label" : `moderation label “${term}”`;
}

function formatRange(minConfidence: number): string {
  return minConfidence < 100 ? `${formatThreshold(minConfidence)} or higher` : formatThreshold(minConfidence);
}

/** "labels, moderation and text" */
export function formatFeatures(features: readonly Feature[]): string {
  return features.join(", ").replace(/, (\w+)$/, " and $1");
}

const STATE_NAMES = {
  queued: "Queued",
  checking: "Checking",
  uploading: "Uploading",
  scanning: "Scanning",
  cancelled: "Cancelled",
};

/** Format the state of a scan without a result. */
export function formatState(state: keyof typeof STATE_NAMES): string {
  return STATE_NAMES[state];
}

/** Format the latest result, or the state, of a scan in a few words: "Yes: a cat (97.3%)", "Timed out", "Scanning". */
export function formatTile(scan: Scan): string {
  if (scan.state === "completed") return formatVerdict(scan.followUps[0] ?? scan.request, scan.request.labels);
  return scan.state === "failed" ? errorTitle(scan.error.kind) : formatState(scan.state);
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

/**
 * Format the result of a question.
 *
 * @param labels all labels of the image
 */
export function formatVerdict(verdict: Verdict, labels: readonly Label[]): string {
  const [only, ...others] = verdict.results;
  if (!only) return `Scanned for ${formatFeatures(verdict.features)}`;
  return others.length === 0 && verdict.match_mode !== "none"
    ? formatTermResult(only, verdict.min_confidence, labels)
    : formatSeveralResults(verdict);
}

/** Format the result for one term. */
export function formatTermResult(result: TermResult, minConfidence: number, labels: readonly Label[]): string {
  const { feature, label, match } = result;
  if (match) return `Yes: ${formatFound(result, match)}`;
  if (feature === "labels") return formatMiss(label, closestLabel(result, labels), minConfidence);
  return `No ${formatMissing(result)} at ${formatRange(minConfidence)}`;
}

/** Return the label to name in a miss. Of equally confident labels, prefer one with a box, because it can be shown. */
export function closestLabel(result: Pick<TermResult, "label" | "closest_labels">, labels: readonly Label[]) {
  const [first] = result.closest_labels;
  if (!first || isNamed(result.label, first)) return first;
  const candidates = [...result.closest_labels, ...labels].filter(({ confidence }) => confidence === first.confidence);
  return candidates.find(({ boxes }) => boxes.length > 0) ?? first;
}

/** "Yes: a cat (97.3%) and the text “sale” (91.4%)", "No: a cat (97.3%), but no car". */
function formatSeveralResults({ results, match_mode, label_matched }: Verdict): string {
  const found = results.flatMap((result) => (result.match ? formatFound(result, result.match) : [])).join(" and ");
  const missing = results
    .filter(({ matched }) => !matched)
    .map((result) => `no ${formatMissing(result)}`)
    .join(" and ");
  const isExplainedByMatches = label_matched !== (match_mode === "none");
  const reason = isExplainedByMatches ? found : [found, missing].filter(Boolean).join(", but ");
  return `${label_matched ? "Yes" : "No"}: ${reason}`;
}

/** "a cat (97.3%)", "the moderation label “Beer”, in “Alcohol” (97.3%)", "the text “sale” (97.3%)" */
function formatFound({ feature, label }: TermResult, match: Match): string {
  return `${formatMatch(feature, label, match)} (${formatPercent(match.confidence)})`;
}

function formatMatch(feature: Feature, requested: string, match: Match): string {
  if (feature === "text") return `the text “${requested}”`;
  if (feature === "labels") return `${withArticle(match.label)}${formatMatchedBy(requested, match)}`;
  const category = match.matched_by === "parent" ? `, in “${requested}”` : "";
  return `the moderation label “${match.label}”${category}`;
}

/** "cat", "moderation label", "text “sale”" */
function formatMissing({ feature, label }: TermResult): string {
  return feature === "labels" ? label : formatTerm(feature, label).replace(/^a /, "");
}

function formatMatchedBy(requested: string, match: Match): string {
  if (isSameLabel(requested, match.label)) return "";
  const suffixes = {
    name: "",
    alias: `, also called ${requested}`,
    parent: `, which is ${withArticle(requested)}`,
    category: `, in category ${requested}`,
    any: "",
    text: "",
  };
  return suffixes[match.matched_by];
}

/** Below this confidence in percent, a miss does not state what the image shows as a fact. */
const LIKELY = 70;

function formatMiss(requested: string, closest: Label | undefined, minConfidence: number): string {
  if (!closest) return `No ${requested}. No labels were found`;
  const { name, confidence } = closest;
  if (isNamed(requested, closest))
    return `No: ${name.toLowerCase()} found at ${formatPercentBelow(confidence, minConfidence)}, below ${formatThreshold(minConfidence)}`;
  const shows = confidence < LIKELY ? "It may show" : "It shows";
  return `No ${requested}. ${shows} ${withArticle(name)} (${formatPercent(confidence)})`;
}

function isNamed(requested: string, label: Label): boolean {
  return [label.name, ...label.aliases].some((name) => isSameLabel(name, requested));
}

const ERROR_TITLES: Readonly<Record<ErrorKind, string>> = {
  offline: "You are offline",
  unavailable: "Service unavailable",
  reload_required: "Reload required",
  rejected: "Not accepted",
  signed_out: "You are signed out",
  upload_failed: "Upload failed",
  too_large: "Too large",
  rate_limited: "Too many requests",
  scan_failed: "Scan failed",
  timed_out: "Timed out",
  not_found: "Request not found",
  not_scanned: "Not scanned",
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
  if (kind === "reload_required") return ""; // only a reload helps, as the message says
  const next = retryAt === null ? "" : ` Next attempt at ${new Date(retryAt).toLocaleTimeString()}.`;
  return `The page tries again while it is open.${next}`;
}

export function displayName({ name }: Scan): string {
  return name ?? "Request";
}

/** Format the result or the error of a scan. Return null while there is neither. */
export function formatOutcome(scan: Scan): string | null {
  if (scan.state === "completed") return formatVerdict(scan.request, scan.request.labels);
  return scan.state === "failed" ? formatError(scan.error) : null;
}
