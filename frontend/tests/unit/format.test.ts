import { expect, it } from "vitest";
import type { TermResult } from "../../src/api/types";
import { DEFAULT_QUESTION, FEATURES, type MatchMode, type Question } from "../../src/core/question";
import { formatPercent, formatQuestion, formatTerms, formatVerdict, withArticle } from "../../src/scan/format";
import { completed, foundModeration, foundText, label, matched, missed, missedTerm } from "./examples";

it.each([
  [matched("cat"), "Yes: a cat (97.3%)"],
  [matched("c\u200bat\ufeff", "Cat", "alias"), "Yes: a cat (97.3%)"],
  [missed("ｃａｔ", label("Cat", 89.99)), "No: cat found at 89.99%, below 90%"],
  [matched("feline", "Cat", "alias"), "Yes: a cat, also called feline (97.3%)"],
  [matched("animal", "Cat", "parent"), "Yes: a cat, which is an animal (97.3%)"],
  [matched("vehicles", "Car", "category"), "Yes: a car, in category vehicles (97.3%)"],
  [missed("cat", label("Dog", 62.9)), "No cat. It may show a dog (62.9%)"],
  [missed("cat", label("Cat", 89.99)), "No: cat found at 89.99%, below 90%"],
  [missed("cat", label("Person", 98.3)), "No cat. It shows a person (98.3%)"],
  [missed("cat", label("Food", 70)), "No cat. It shows food (70.0%)"],
  [missed("feline", label("Cat", 62, { aliases: ["Feline"] })), "No: cat found at 62.0%, below 90%"],
  [missed("cat"), "No cat. No labels were found"],
])("formats the verdict on a single label: %#", (result, text) => {
  expect(formatVerdict(completed([result]), [])).toBe(text);
});

const CAT = matched("cat");
const DOG = matched("dog", "Dog");

it.each<[MatchMode, boolean, TermResult[], string]>([
  ["any", true, [CAT, DOG], "Yes: a cat (97.3%) and a dog (97.3%)"],
  ["any", true, [missed("cat"), DOG], "Yes: a dog (97.3%)"],
  ["any", false, [missed("cat"), missed("dog")], "No: no cat and no dog"],
  ["all", true, [CAT, DOG], "Yes: a cat (97.3%) and a dog (97.3%)"],
  ["all", false, [CAT, missed("dog")], "No: a cat (97.3%), but no dog"],
  ["all", false, [missed("cat"), missed("dog")], "No: no cat and no dog"],
  ["none", true, [missed("cat"), missed("dog")], "Yes: no cat and no dog"],
  ["none", false, [CAT, missed("dog")], "No: a cat (97.3%)"],
  ["none", true, [missed("cat")], "Yes: no cat"],
  ["none", false, [CAT], "No: a cat (97.3%)"],
])("explains a verdict with match mode %s and result %s: %#", (match_mode, label_matched, results, text) => {
  expect(formatVerdict(completed(results, { match_mode, label_matched }), [])).toBe(text);
});

it.each<[string[], MatchMode, number, string]>([
  [["cat"], "any", 90, "“cat” at 90% or higher"],
  [["cat", "dog"], "all", 90, "all of “cat”, “dog” at 90% or higher"],
  [["cat"], "none", 90, "none of “cat” at 90% or higher"],
  [["cat"], "any", 100, "“cat” at 100%"],
])("formats the question %o, %s, %d as %s", (labels, matchMode, minConfidence, text) => {
  expect(formatQuestion({ ...DEFAULT_QUESTION, labels, matchMode, minConfidence })).toBe(text);
});

it.each<[Partial<Question>, string]>([
  [{ labels: [], text: ["sale"] }, "text “sale” at 90% or higher"],
  [{ labels: [], moderation: ["*"] }, "a moderation label at 90% or higher"],
  [{ moderation: ["Alcohol"] }, "any of “cat”, moderation label “Alcohol” at 90% or higher"],
  [{ text: ["sale", "*"], matchMode: "none" }, "none of “cat”, text “sale”, text “*” at 90% or higher"],
  [{ features: FEATURES }, "“cat” at 90% or higher, and scan for moderation and text"],
  [{ features: ["labels", "text"], labels: [] }, "scan for labels and text without a question"],
  [{ features: FEATURES, labels: [] }, "scan for labels, moderation and text without a question"],
])("formats a question about several features: %#", (part, text) => {
  const features = FEATURES.filter((feature) => (part[feature] ?? DEFAULT_QUESTION[feature]).length > 0);
  expect(formatQuestion({ ...DEFAULT_QUESTION, features, ...part })).toBe(text);
});

it("formats the terms of a question for a button", () => {
  const terms = { labels: ["cat", "dog"], moderation: ["*", "Alcohol"], text: ["sale"] };
  expect(formatTerms({ ...DEFAULT_QUESTION, ...terms })).toBe("cat, dog, any moderation label, Alcohol, “sale”");
});

it.each<[TermResult[], MatchMode, boolean | null, string]>([
  [[foundText("sale", "SALE 50%")], "any", true, "Yes: the text “sale” (97.3%)"],
  [[missedTerm("text", "sale")], "any", false, "No text “sale” at 90% or higher"],
  [[foundModeration("*", "Alcohol", "any")], "any", true, "Yes: the moderation label “Alcohol” (97.3%)"],
  [
    [foundModeration("alcohol", "Beer", "parent")],
    "any",
    true,
    "Yes: the moderation label “Beer”, in “alcohol” (97.3%)",
  ],
  [[missedTerm("moderation", "*")], "any", false, "No moderation label at 90% or higher"],
  [[missedTerm("moderation", "Violence")], "any", false, "No moderation label “Violence” at 90% or higher"],
  [[matched("cat"), foundText("sale", "SALE")], "all", true, "Yes: a cat (97.3%) and the text “sale” (97.3%)"],
  [
    [matched("cat"), missedTerm("moderation", "*"), missedTerm("text", "sale")],
    "all",
    false,
    "No: a cat (97.3%), but no moderation label and no text “sale”",
  ],
  [[missed("cat"), missedTerm("moderation", "*")], "none", true, "Yes: no cat and no moderation label"],
])("formats a verdict on several features: %#", (results, match_mode, label_matched, text) => {
  expect(formatVerdict(completed(results, { match_mode, label_matched }), [])).toBe(text);
});

it("a verdict without terms states what the image was scanned for", () => {
  expect(formatVerdict(completed([], { features: FEATURES }), [])).toBe("Scanned for labels, moderation and text");
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

it.each([
  [98.6642, "98.7%"],
  [100, "100.0%"],
  [98.25, "98.2%"],
  [98.75, "98.8%"],
  [98.35, "98.3%"],
  [98.45, "98.5%"],
  [25, "25.0%"],
])("the confidence %d is shown as %s, as in messages of the API", (confidence, text) => {
  // The expected values are the output of Python's format specification ".1f".
  expect(formatPercent(confidence)).toBe(text);
});

it.each([
  [89.94, "89.9%"],
  [89.95, "89.95%"],
  [89.9999, "89.9999%"],
])("a confidence of %d below the required one is shown as %s", (confidence, text) => {
  expect(formatVerdict(completed([missed("cat", label("Cat", confidence))]), [])).toBe(
    `No: cat found at ${text}, below 90%`,
  );
});

const BOX = { left: 0, top: 0, width: 1, height: 1, confidence: 98 };
const BOXED = label("Person", 98.3, { boxes: [BOX] });

it.each([
  ["with a box, at equal confidence", [label("Adult", 98.3), BOXED], [], "a person (98.3%)"],
  [
    "with a box that the service does not list",
    [label("Adult", 98.3)],
    [label("Adult", 98.3), BOXED],
    "a person (98.3%)",
  ],
  ["with the higher confidence", [label("Adult", 98.4), BOXED], [BOXED], "an adult (98.4%)"],
])("a miss names the label %s", (_, closest, labels, text) => {
  expect(formatVerdict(completed([missed("cat", ...closest)]), labels)).toBe(`No cat. It shows ${text}`);
});
