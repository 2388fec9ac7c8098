import { comparisonKey, normalizeLabel } from "./labels";

/** What the service can look for in an image. Each feature costs one scan per distinct image. */
export type Feature = "labels" | "moderation" | "text";

export const FEATURES: readonly Feature[] = ["labels", "moderation", "text"];

export const ANY_MODERATION_LABEL = "*";

/** How the results for several terms are combined. A term is a label, a moderation label, a word or a phrase. */
export type MatchMode = "any" | "all" | "none";

/** A question about an image, with the terms of each feature. */
export interface Question extends Readonly<Record<Feature, readonly string[]>> {
  /** The features to scan for, in the order of `FEATURES`. Features without terms are only scanned for. */
  readonly features: readonly Feature[];
  readonly matchMode: MatchMode;
  /** Percent. */
  readonly minConfidence: number;
}

export const DEFAULT_QUESTION: Question = {
  features: ["labels"],
  labels: ["cat"],
  moderation: [],
  text: [],
  matchMode: "any",
  minConfidence: 90,
};

/** The range that the API accepts, in percent. */
export const LOWEST_CONFIDENCE = 25;
export const HIGHEST_CONFIDENCE = 100;

/** Whitespace at both ends. `trim` also removes U+FEFF, which is not whitespace but an invisible character. */
const OUTER_WHITESPACE = /^[^\S\ufeff]+|[^\S\ufeff]+$/g;

/** Split comma-separated text into terms as typed. Terms that are compared as equal count as one. */
export function parseTerms(text: string): readonly string[] {
  const terms = text
    .split(",")
    .map((term) => term.replace(OUTER_WHITESPACE, ""))
    .filter(Boolean);
  return [...new Map(terms.map((term) => [comparisonKey(term), term])).values()];
}

/** The number of terms that the API accepts for each feature. */
const MAX_TERMS = 25;

const TERM_NAMES: Readonly<Record<Feature, readonly [singular: string, plural: string]>> = {
  labels: ["label", "labels"],
  moderation: ["moderation label", "moderation labels"],
  text: ["word or phrase", "words or phrases"],
};

/** Return why the API would reject the comma-separated terms of a feature, or null if it accepts them. */
export function termsError(feature: Feature, text: string): string | null {
  const terms = parseTerms(text);
  const [name, names] = TERM_NAMES[feature];
  if (terms.length > MAX_TERMS) return `These are ${terms.length} ${names}. Use at most ${MAX_TERMS}.`;
  const isValid = terms.every((term) => normalizeLabel(term) !== null);
  return isValid ? null : `A ${name} is invalid. Use 1 to 100 characters, at least one of them visible.`;
}

/** Return why the API would reject a confidence, or null if it accepts it. An empty field means the default. */
export function confidenceError(text: string): string | null {
  const number = Number(text);
  const isValid = text.trim() === "" || (number >= LOWEST_CONFIDENCE && number <= HIGHEST_CONFIDENCE);
  return isValid ? null : `Enter a number from ${LOWEST_CONFIDENCE} to ${HIGHEST_CONFIDENCE}.`;
}

/** The values of the question form. */
export interface FormValues {
  /** The selected features, in the order of `FEATURES`. */
  readonly features: readonly Feature[];
  /** Comma-separated terms. Those of features that are not selected are ignored. */
  readonly terms: Readonly<Record<Feature, string>>;
  readonly matchMode: MatchMode;
  readonly confidence: string;
}

/** The terms that a form has for each feature at first. */
export const INITIAL_TERMS: FormValues["terms"] = { labels: "", moderation: ANY_MODERATION_LABEL, text: "" };

/** Return the terms of a feature. Like in the API, labels have a default if no other feature is selected. */
export function termsOf({ features, terms }: FormValues, feature: Feature): readonly string[] {
  if (!features.includes(feature)) return [];
  const parsed = parseTerms(terms[feature]);
  const hasDefault = feature === "labels" && features.length === 1;
  return hasDefault && parsed.length === 0 ? DEFAULT_QUESTION.labels : parsed;
}

/** Convert form values to a question, or return null if the API would reject it. Empty fields use the defaults. */
export function parseQuestion(values: FormValues): Question | null {
  const { features, terms, matchMode, confidence } = values;
  if (features.length === 0 || confidenceError(confidence) !== null) return null;
  if (features.some((feature) => termsError(feature, terms[feature]) !== null)) return null;
  const question: Question = {
    features,
    labels: termsOf(values, "labels"),
    moderation: termsOf(values, "moderation"),
    text: termsOf(values, "text"),
    matchMode,
    minConfidence: confidence.trim() === "" ? DEFAULT_QUESTION.minConfidence : Number(confidence),
  };
  return countTerms(question) > 1 ? question : { ...question, matchMode: DEFAULT_QUESTION.matchMode };
}

export function countTerms(question: Question): number {
  return FEATURES.reduce((count, feature) => count + question[feature].length, 0);
}

/** Return the selected features without terms. */
export function featuresWithoutTerms(question: Question): readonly Feature[] {
  return question.features.filter((feature) => question[feature].length === 0);
}

/** Return the features of a question that an image was not scanned for. */
export function missingFeatures({ features }: Question, scanned: readonly Feature[]): readonly Feature[] {
  return features.filter((feature) => !scanned.includes(feature));
}

/**
 * Leave out features without terms, which a follow-up question does not need.
 *
 * @param scanned only these features are left out
 */
export function withTermsOnly(question: Question, scanned = question.features): Question {
  const { features } = question;
  return { ...question, features: features.filter((each) => question[each].length > 0 || !scanned.includes(each)) };
}

/** Check whether two questions are equivalent. Null is not equivalent to anything. */
export function isSameQuestion(one: Question | null, other: Question | null): boolean {
  return one !== null && other !== null && canonicalForm(one) === canonicalForm(other);
}

function canonicalForm(question: Question): string {
  const terms = FEATURES.map((feature) => question[feature].map(comparisonKey));
  return JSON.stringify([question.features, terms, question.matchMode, question.minConfidence]);
}
