import { expect, it } from "vitest";
import {
  confidenceError,
  DEFAULT_QUESTION,
  isSameQuestion,
  labelsError,
  parseLabels,
  parseQuestion,
} from "../../src/core/question";

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
])("%o is parsed as the labels %o", (text, labels) => {
  expect(parseLabels(text)).toEqual(labels);
});

it.each([
  ["cat, dog", null],
  ["", null],
  ["cat, \u200b", "A label is invalid. Use 1 to 100 characters, at least one of them visible."],
  ["a".repeat(101), "A label is invalid. Use 1 to 100 characters, at least one of them visible."],
])("the labels %o have the error %o", (text, error) => {
  expect(labelsError(text)).toBe(error);
});

it("at most 25 labels are accepted", () => {
  const labels = (count: number) => Array.from({ length: count }, (_, index) => `label ${index}`).join(",");
  expect(labelsError(labels(25))).toBeNull();
  expect(labelsError(labels(26))).toBe("These are 26 labels. Use at most 25.");
});

it.each(["0", "24.9", "100.1", "1000", "-30", "e", "not a number"])("the confidence %s is invalid", (confidence) => {
  expect(confidenceError(confidence)).toBe("Enter a number from 25 to 100.");
  expect(parseQuestion({ text: "cat", matchMode: "any", confidence })).toBeNull();
});

it("an invalid label makes the question invalid", () => {
  expect(parseQuestion({ text: "\u200b", matchMode: "any", confidence: "90" })).toBeNull();
});

it("empty fields use the defaults", () => {
  expect(parseQuestion({ text: " ", matchMode: "any", confidence: "" })).toEqual(DEFAULT_QUESTION);
});

it("the match mode applies to several labels only", () => {
  expect(parseQuestion({ text: "cat", matchMode: "none", confidence: "90" })?.matchMode).toBe("any");
  expect(parseQuestion({ text: "cat, dog", matchMode: "none", confidence: "90" })?.matchMode).toBe("none");
});

it.each([
  ["40", 40],
  ["99.5", 99.5],
  ["25", 25],
  ["100", 100],
  ["", 90],
])("the confidence %s is parsed as %d%%", (confidence, percent) => {
  expect(parseQuestion({ text: "cat", matchMode: "any", confidence })?.minConfidence).toBe(percent);
});

it.each([
  [{ labels: ["CAT"] }, true],
  [{ labels: ["\ufeffcat"] }, true],
  [{ labels: ["\uff43\uff41\uff54"] }, true],
  [{ labels: ["dog"] }, false],
  [{ labels: ["cat", "dog"] }, false],
  [{ minConfidence: 80 }, false],
  [{ matchMode: "none" as const }, false],
])("%o is the same question as the default: %s", (part, same) => {
  expect(isSameQuestion({ ...DEFAULT_QUESTION, ...part }, DEFAULT_QUESTION)).toBe(same);
});

it("a missing question is not the same as another missing question", () => {
  expect(isSameQuestion(null, null)).toBe(false);
});
