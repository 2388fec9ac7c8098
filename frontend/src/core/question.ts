import { comparisonKey, normalizeLabel } from "./labels";

/** How several labels are combined. */
export type MatchMode = "any" | "all" | "none";

/** A question about an image. */
export interface Question {
  readonly labels: readonly string[];
  readonly matchMode: MatchMode;
  /** Percent. */
  readonly minConfidence: number;
}

export const DEFAULT_QUESTION: Question = { labels: ["cat"], matchMode: "any", minConfidence: 90 };

/** The range that the API accepts, in percent. */
export const LOWEST_CONFIDENCE = 25;
export const HIGHEST_CONFIDENCE = 100;

/** Whitespace at both ends. `trim` also removes U+FEFF, which is not whitespace but an invisible character. */
const OUTER_WHITESPACE = /^[^\S\ufeff]+|[^\S\ufeff]+$/g;

/** Split comma-separated text into labels as typed. Labels that are compared as equal count as one. */
export function parseLabels(text: string): readonly string[] {
  const labels = text
    .split(",")
    .map((label) => label.replace(OUTER_WHITESPACE, ""))
    .filter(Boolean);
  return [...new Map(labels.map((label) => [comparisonKey(label), label])).values()];
}

/** Return why the API would reject comma-separated labels, or null if it accepts them. */
export function labelsError(text: string): string | null {
  const isValid = parseLabels(text).every((label) => normalizeLabel(label) !== null);
  return isValid ? null : "A label is invalid. Use 1 to 100 characters, at least one of them visible.";
}

/** The values of the question form. */
export interface FormValues {
  readonly text: string;
  readonly matchMode: MatchMode;
  readonly confidence: string;
}

/** Convert form values to a question. Empty fields use the defaults. */
export function parseQuestion({ text, matchMode, confidence }: FormValues): Question {
  const parsed = parseLabels(text);
  const labels = parsed.length ? parsed : DEFAULT_QUESTION.labels;
  return {
    labels,
    matchMode: labels.length > 1 ? matchMode : DEFAULT_QUESTION.matchMode,
    minConfidence: parseConfidence(confidence),
  };
}

function parseConfidence(text: string): number {
  const number = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isNaN(number)) return DEFAULT_QUESTION.minConfidence;
  return Math.min(HIGHEST_CONFIDENCE, Math.max(LOWEST_CONFIDENCE, number));
}

/** Check whether two questions are equivalent. Null is not equivalent to anything. */
export function isSameQuestion(one: Question | null, other: Question | null): boolean {
  return one !== null && other !== null && canonicalForm(one) === canonicalForm(other);
}

function canonicalForm({ labels, matchMode, minConfidence }: Question): string {
  return JSON.stringify([labels.map(comparisonKey), matchMode, minConfidence]);
}
