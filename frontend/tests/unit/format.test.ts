import { expect, it } from "vitest";
import type { LabelResult } from "../../src/api/types";
import type { MatchMode } from "../../src/core/question";
import { formatPercent, formatQuestion, formatVerdict, withArticle } from "../../src/scan/format";
import { completed, label, matched, missed } from "./examples";

it.each([
  [matched("cat"), "Yes: a cat, 97%"],
  [matched("c\u200bat\ufeff", "Cat", "alias"), "Yes: a cat, 97%"],
  [missed("ｃａｔ", label("Cat", 89.99)), "No: cat found at 89%, below 90%"],
  [matched("feline", "Cat", "alias"), "Yes: a cat, also called feline, 97%"],
  [matched("animal", "Cat", "parent"), "Yes: a cat, which is an animal, 97%"],
  [matched("vehicles", "Car", "category"), "Yes: a car, in category vehicles, 97%"],
  [missed("cat", label("Dog", 62.9)), "No cat. Closest: dog, 62%"],
  [missed("cat", label("Cat", 89.99)), "No: cat found at 89%, below 90%"],
  [missed("feline", label("Cat", 62, { aliases: ["Feline"] })), "No: cat found at 62%, below 90%"],
  [missed("cat"), "No cat: no labels found"],
])("formats the verdict on a single label: %#", (result, text) => {
  expect(formatVerdict(completed([result]))).toBe(text);
});

const CAT = matched("cat");
const DOG = matched("dog", "Dog");

it.each<[MatchMode, boolean, LabelResult[], string]>([
  ["any", true, [CAT, DOG], "Yes: a cat (97%) and a dog (97%)"],
  ["any", true, [missed("cat"), DOG], "Yes: a dog (97%)"],
  ["any", false, [missed("cat"), missed("dog")], "No: no cat and no dog"],
  ["all", true, [CAT, DOG], "Yes: a cat (97%) and a dog (97%)"],
  ["all", false, [CAT, missed("dog")], "No: a cat (97%), but no dog"],
  ["all", false, [missed("cat"), missed("dog")], "No: no cat and no dog"],
  ["none", true, [missed("cat"), missed("dog")], "Yes: no cat and no dog"],
  ["none", false, [CAT, missed("dog")], "No: a cat (97%)"],
  ["none", true, [missed("cat")], "Yes: no cat"],
  ["none", false, [CAT], "No: a cat (97%)"],
])("explains a verdict with match mode %s and result %s: %#", (match_mode, label_matched, results, text) => {
  expect(formatVerdict(completed(results, { match_mode, label_matched }))).toBe(text);
});

it.each<[string[], MatchMode, number, string]>([
  [["cat"], "any", 90, "“cat” at 90% or higher"],
  [["cat", "dog"], "all", 90, "all of “cat”, “dog” at 90% or higher"],
  [["cat"], "none", 90, "none of “cat” at 90% or higher"],
  [["cat"], "any", 100, "“cat” at 100%"],
])("formats the question %o, %s, %d as %s", (labels, matchMode, minConfidence, text) => {
  expect(formatQuestion({ labels, matchMode, minConfidence })).toBe(text);
});

it.each([
  ["Cat", "a cat"],
  ["Animal", "an animal"],
  ["Glasses", "glasses"],
  ["Bus", "a bus"],
  ["Dress", "a dress"],
  ["Food", "food"],
])("the label %s with an article is %s", (name, text) => {
  expect(withArticle(name)).toBe(text);
});

it("a confidence is never rounded up to the required one", () => {
  expect(formatPercent(89.99)).toBe("89%");
});
