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

/** The number of labels that the API accepts. */
const MAX_LABELS = 25;

/** Return why the API would reject comma-separated labels, or null if it accepts them. */
export function labelsError(text: string): string | null {
  const labels = parseLabels(text);
  if (labels.length > MAX_LABELS) return `These are ${labels.length} labels. Use at most ${MAX_LABELS}.`;
  const isValid = labels.every((label) => normalizeLabel(label) !== null);
  return isValid ? null : "A label is invalid. Use 1 to 100 characters, at least one of them visible.";
}

/** Return why the API would reject a confidence, or null if it accepts it. An empty field means the default. */
export function confidenceError(text: string): string | null {
  const number = Number(text);
  const isValid = text.trim() === "" || (number >= LOWEST_CONFIDENCE && number <= HIGHEST_CONFIDENCE);
  return isValid ? null : `Enter a number from ${LOWEST_CONFIDENCE} to ${HIGHEST_CONFIDENCE}.`;
}

/** The values of the question form. */
export interface FormValues {
  readonly text: string;
  readonly matchMode: MatchMode;
  readonly confidence: string;
}

/** Convert form values to a question, or return null if the API would reject it. Empty fields use the defaults. */
export function parseQuestion({ text, matchMode, confidence }: FormValues): Question | null {
  if (labelsError(text) !== null || confidenceError(confidence) !== null) return null;
  const parsed = parseLabels(text);
  const labels = parsed.length ? parsed : DEFAULT_QUESTION.labels;
  return {
    labels,
    matchMode: labels.length > 1 ? matchMode : DEFAULT_QUESTION.matchMode,
    minConfidence: confidence.trim() === "" ? DEFAULT_QUESTION.minConfidence : Number(confidence),
  };
}

/** Check whether two questions are equivalent. Null is not equivalent to anything. */
export function isSameQuestion(one: Question | null, other: Question | null): boolean {
  return one !== null && other !== null && canonicalForm(one) === canonicalForm(other);
}

function canonicalForm({ labels, matchMode, minConfidence }: Question): string {
  return JSON.stringify([labels.map(comparisonKey), matchMode, minConfidence]);
}
