import type { ScanRequest, Verdict } from "../api/types";
import type { Entry } from "./history";
import { isUnfinished, type Scan } from "./machine";
import { newestFirst } from "./store";

/** The result of a scan at a glance. */
export type Outcome = "yes" | "no" | "no_question" | "in_progress" | "failed" | "cancelled";

export type Order = "newest" | "name" | "confidence";

/** What the overview shows, and in which order. */
export interface OverviewSettings {
  /** Show only this outcome, or all if null. */
  readonly outcome: Outcome | null;
  readonly order: Order;
  /** Show only images with this text in their name, in a label or in their own text. */
  readonly search: string;
  /**
   * Labels below this confidence in percent are neither shown nor searched. If null, each image shows its default labels,
   * and the search uses `DEFAULT_MIN_CONFIDENCE`.
   */
  readonly minConfidence: number | null;
}

/** Percent. An image also shows labels below it down to the one that its verdict names. */
export const DEFAULT_MIN_CONFIDENCE = 50;
export const DEFAULT_SETTINGS: OverviewSettings = { outcome: null, order: "newest", search: "", minConfidence: null };

/** Return the latest verdict of a scan, from the request or from a follow-up question, or null if it has none. */
export function latestVerdict(scan: Scan): Verdict | null {
  return scan.state === "completed" ? (scan.followUps[0] ?? scan.request) : null;
}

export function outcomeOf(scan: Scan): Outcome {
  if (isUnfinished(scan)) return "in_progress";
  const verdict = latestVerdict(scan);
  if (verdict) return verdict.label_matched === null ? "no_question" : verdict.label_matched ? "yes" : "no";
  return scan.state === "failed" ? "failed" : "cancelled";
}

export function countOutcomes(entries: readonly Entry[]): ReadonlyMap<Outcome, number> {
  const counts = new Map<Outcome, number>();
  for (const { scan } of entries) counts.set(outcomeOf(scan), (counts.get(outcomeOf(scan)) ?? 0) + 1);
  return counts;
}

export function selectEntries(entries: readonly Entry[], settings: OverviewSettings): readonly Entry[] {
  const text = settings.search.trim().toLowerCase();
  const minConfidence = settings.minConfidence ?? DEFAULT_MIN_CONFIDENCE;
  return entries
    .filter(({ scan }) => settings.outcome === null || outcomeOf(scan) === settings.outcome)
    .filter(({ scan }) => text === "" || contains(scan, text, minConfidence))
    .sort(COMPARISONS[settings.order]);
}

function contains(scan: Scan, text: string, minConfidence: number): boolean {
  if (scan.name?.toLowerCase().includes(text)) return true;
  const findings = scan.state === "completed" ? namesOfFindings(scan.request) : [];
  return findings.some(
    ({ confidence, names }) => confidence >= minConfidence && names.some((name) => name.toLowerCase().includes(text)),
  );
}

function namesOfFindings({ labels, moderation, text }: ScanRequest) {
  return [
    ...labels.map(({ confidence, name, aliases }) => ({ confidence, names: [name, ...aliases] })),
    ...(moderation?.labels ?? []).map(({ confidence, name, parents }) => ({ confidence, names: [name, ...parents] })),
    ...(text?.lines ?? []).map(({ confidence, text }) => ({ confidence, names: [text] })),
  ];
}

const COMPARISONS: Readonly<Record<Order, (one: Entry, other: Entry) => number>> = {
  newest: newestFirst,
  name: (one, other) => COLLATOR.compare(one.scan.name ?? "", other.scan.name ?? "") || newestFirst(one, other),
  confidence: (one, other) => confidenceOf(other.scan) - confidenceOf(one.scan) || newestFirst(one, other),
};

const COLLATOR = new Intl.Collator(undefined, { numeric: true });

/** Matches come first, by confidence, then misses, then everything without a verdict. */
function confidenceOf(scan: Scan): number {
  const verdict = latestVerdict(scan);
  if (!verdict) return -1;
  return verdict.match?.confidence ?? 0;
}
