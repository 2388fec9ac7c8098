import type { MatchMode } from "../api/contract";

/** What a person asked of a picture. The confidence is a percentage. */
export interface Question {
  readonly labels: readonly string[];
  /** When several labels make a yes: any, all or none of them. */
  readonly match: MatchMode;
  readonly minConfidence: number;
}

export const DEFAULT_QUESTION: Question = { labels: ["cat"], match: "any", minConfidence: 90 };

/** What the service takes. */
export const LOWEST_CONFIDENCE = 25;
export const HIGHEST_CONFIDENCE = 100;

/** The labels in a text that parts them by commas, each once whatever its case. */
export function labelsIn(text: string): readonly string[] {
  const labels = text
    .split(",")
    .map((label) => label.trim())
    .filter(Boolean);
  return [...new Map(labels.map((label) => [label.toLowerCase(), label])).values()];
}

/** A question as it stands in a form. */
export interface Typed {
  readonly text: string;
  readonly match: MatchMode;
  readonly confidence: string;
}

/** The question that was typed in; what is left empty asks for the default. */
export function questionOf({ text, match, confidence }: Typed): Question {
  const found = labelsIn(text);
  const labels = found.length ? found : DEFAULT_QUESTION.labels;
  return { labels, match: labels.length > 1 ? match : DEFAULT_QUESTION.match, minConfidence: confidenceIn(confidence) };
}

function confidenceIn(text: string): number {
  const number = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isNaN(number)) return DEFAULT_QUESTION.minConfidence;
  return Math.min(HIGHEST_CONFIDENCE, Math.max(LOWEST_CONFIDENCE, number));
}

/** Whether two questions ask the same. */
export function isSame(one: Question | null, other: Question | null): boolean {
  return one !== null && other !== null && inOneForm(one) === inOneForm(other);
}

function inOneForm({ labels, match, minConfidence }: Question): string {
  return JSON.stringify([labels.map((label) => label.toLowerCase()), match, minConfidence]);
}
