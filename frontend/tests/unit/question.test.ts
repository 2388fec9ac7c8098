import { expect, it } from "vitest";
import {
  confidenceError,
  DEFAULT_QUESTION,
  FEATURES,
  type Feature,
  type FormValues,
  featuresWithoutTerms,
  INITIAL_TERMS,
  isSameQuestion,
  missingFeatures,
  parseQuestion,
  parseTerms,
  type Question,
  termsError,
  withTermsOnly,
} from "../../src/core/question";

type Fields = Partial<Omit<FormValues, "terms"> & FormValues["terms"]>;

/** Parse the form with these fields. The others ask for a cat. */
function parse({ labels = "cat", moderation = INITIAL_TERMS.moderation, text = "", ...others }: Fields) {
  const values: FormValues = {
    features: ["labels"],
    terms: { labels, moderation, text },
    matchMode: "any",
    confidence: "90",
    ...others,
  };
  return parseQuestion(values);
}

it.each([
  ["cat", ["cat"]],
  ["cat, dog", ["cat", "dog"]],
  [" hot dog ,,cat,", ["hot dog", "cat"]],
  ["cat, CAT", ["CAT"]],
  ["", []],
  [" , ", []],
  ["cat, c\u200bat", ["c\u200bat"]],
  ["hot dog, Hot  Dog", ["Hot  Dog"]],
  ["\uff23\uff21\uff34, cat", ["cat"]],
  ["\u200b", ["\u200b"]],
  ["cat, \ufeff", ["cat", "\ufeff"]],
])("%o is parsed as the terms %o", (text, labels) => {
  expect(parseTerms(text)).toEqual(labels);
});

it.each([
  ["cat, dog", null],
  ["", null],
  ["cat, \u200b", "A label is invalid. Use 1 to 100 characters, at least one of them visible."],
  ["a".repeat(101), "A label is invalid. Use 1 to 100 characters, at least one of them visible."],
])("the labels %o have the error %o", (text, error) => {
  expect(termsError("labels", text)).toBe(error);
});

it("at most 25 labels are accepted", () => {
  const labels = (count: number) => Array.from({ length: count }, (_, index) => `label ${index}`).join(",");
  expect(termsError("labels", labels(25))).toBeNull();
  expect(termsError("labels", labels(26))).toBe("These are 26 labels. Use at most 25.");
});

it.each(["0", "24.9", "100.1", "1000", "-30", "e", "not a number"])("the confidence %s is invalid", (confidence) => {
  expect(confidenceError(confidence)).toBe("Enter a number from 25 to 100.");
  expect(parse({ confidence })).toBeNull();
});

it("an invalid label makes the question invalid", () => {
  expect(parse({ labels: "\u200b" })).toBeNull();
});

it("empty fields use the defaults", () => {
  expect(parse({ labels: " ", confidence: "" })).toEqual(DEFAULT_QUESTION);
});

it("the match mode applies to several terms only", () => {
  expect(parse({ matchMode: "none" })?.matchMode).toBe("any");
  expect(parse({ labels: "cat, dog", matchMode: "none" })?.matchMode).toBe("none");
});

it("the match mode applies to the terms of all features together", () => {
  expect(parse({ features: ["labels", "moderation"], matchMode: "all" })?.matchMode).toBe("all");
  expect(parse({ features: ["labels", "text"], matchMode: "all" })?.matchMode).toBe("any");
});

it("the terms of features that are not selected are neither asked about nor checked", () => {
  expect(parse({ text: "\u200b, sale", moderation: "Alcohol" })).toEqual(DEFAULT_QUESTION);
});

it("at first, moderation asks about any label", () => {
  expect(parse({ features: ["moderation"] })).toMatchObject({ labels: [], moderation: ["*"], text: [] });
});

it("a selected feature without terms is scanned without a question", () => {
  const question = parse({ features: FEATURES, labels: "", moderation: " " });
  expect(question).toMatchObject({ features: FEATURES, labels: [], moderation: [], text: [] });
  expect(featuresWithoutTerms(question as Question)).toEqual(FEATURES);
});

it("a question without a feature is invalid", () => {
  expect(parse({ features: [] })).toBeNull();
});

it.each<[Feature, string]>([
  ["moderation", "A moderation label is invalid. Use 1 to 100 characters, at least one of them visible."],
  ["text", "A word or phrase is invalid. Use 1 to 100 characters, at least one of them visible."],
])("invalid terms of the feature %s make the question invalid", (feature, error) => {
  expect(termsError(feature, "a".repeat(101))).toBe(error);
  expect(parse({ features: ["labels", feature], [feature]: "a".repeat(101) })).toBeNull();
});

const ALL_FEATURES: Question = { ...DEFAULT_QUESTION, features: FEATURES, text: ["sale"] };

it("the features that an image was not scanned for are missing", () => {
  expect(missingFeatures(ALL_FEATURES, ["labels"])).toEqual(["moderation", "text"]);
  expect(missingFeatures(DEFAULT_QUESTION, FEATURES)).toEqual([]);
});

it("a follow-up question keeps the features with terms and those that the image was not scanned for", () => {
  expect(withTermsOnly(ALL_FEATURES).features).toEqual(["labels", "text"]);
  expect(withTermsOnly(ALL_FEATURES, ["labels"]).features).toEqual(FEATURES);
  expect(withTermsOnly(ALL_FEATURES, ["moderation"]).features).toEqual(["labels", "text"]);
});

it.each([
  ["40", 40],
  ["99.5", 99.5],
  ["25", 25],
  ["100", 100],
  ["", 90],
])("the confidence %s is parsed as %d%%", (confidence, percent) => {
  expect(parse({ confidence })?.minConfidence).toBe(percent);
});

it.each([
  [{ labels: ["CAT"] }, true],
  [{ labels: ["\ufeffcat"] }, true],
  [{ labels: ["\uff43\uff41\uff54"] }, true],
  [{ labels: ["dog"] }, false],
  [{ labels: ["cat", "dog"] }, false],
  [{ minConfidence: 80 }, false],
  [{ matchMode: "none" as const }, false],
  [{ features: ["labels", "text"] as const }, false],
  [{ features: ["labels", "text"] as const, text: ["cat"] }, false],
  [{ moderation: ["*"] }, false],
])("%o is the same question as the default: %s", (part, same) => {
  expect(isSameQuestion({ ...DEFAULT_QUESTION, ...part }, DEFAULT_QUESTION)).toBe(same);
});

it("a missing question is not the same as another missing question", () => {
  expect(isSameQuestion(null, null)).toBe(false);
});
