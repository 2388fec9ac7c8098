import { expect, it } from "vitest";
import { DEFAULT_QUESTION, isSame, labelsIn, questionOf } from "../../src/scan/question";

it.each([
  ["cat", ["cat"]],
  ["cat, dog", ["cat", "dog"]],
  [" hot dog ,,cat,", ["hot dog", "cat"]],
  ["cat, CAT", ["CAT"]],
  ["", []],
  [" , ", []],
])("%o names the labels %o", (text, labels) => {
  expect(labelsIn(text)).toEqual(labels);
});

it("what is left empty asks for the default", () => {
  expect(questionOf({ text: " ", match: "any", confidence: "" })).toEqual(DEFAULT_QUESTION);
});

it("how many labels make a yes is asked of several only", () => {
  expect(questionOf({ text: "cat", match: "none", confidence: "90" }).match).toBe("any");
  expect(questionOf({ text: "cat, dog", match: "none", confidence: "90" }).match).toBe("none");
});

it.each([
  ["40", 40],
  ["99.5", 99.5],
  ["0", 25],
  ["1000", 100],
  ["e", 90],
])("a confidence typed as %s asks for %d %%", (confidence, percent) => {
  expect(questionOf({ text: "cat", match: "any", confidence }).minConfidence).toBe(percent);
});

it.each([
  [{ labels: ["CAT"] }, true],
  [{ labels: ["dog"] }, false],
  [{ labels: ["cat", "dog"] }, false],
  [{ minConfidence: 80 }, false],
  [{ match: "none" as const }, false],
])("%o asks the same as the default: %s", (part, same) => {
  expect(isSame({ ...DEFAULT_QUESTION, ...part }, DEFAULT_QUESTION)).toBe(same);
});

it("no question is the same as none", () => {
  expect(isSame(null, null)).toBe(false);
});
