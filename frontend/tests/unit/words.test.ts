import { expect, it } from "vitest";
import type { MatchMode } from "../../src/api/contract";
import { a, inWords, percent, verdict } from "../../src/scan/words";
import { answered, hit, label, miss } from "./examples";

it.each([
  [hit("cat"), "Yes: a cat, 97 %"],
  [hit("feline", "Cat", "alias"), "Yes: a cat, or feline, 97 %"],
  [hit("animal", "Cat", "parent"), "Yes: a cat, which is an animal, 97 %"],
  [hit("vehicles", "Car", "category"), "Yes: a car, under vehicles, 97 %"],
  [miss("cat", label("Dog", 62.9)), "No cat; the nearest is a dog, 62 %"],
  [miss("cat", label("Cat", 89.99)), "No, not at 90 %: perhaps a cat, 89 %"],
  [miss("feline", label("Cat", 62, { aliases: ["Feline"] })), "No, not at 90 %: perhaps a cat, 62 %"],
  [miss("cat"), "No cat; nothing was recognised"],
])("the verdict %# reads as a person would say it", (result, words) => {
  expect(plain(verdict(answered([result])))).toBe(words);
});

const CAT = hit("cat");
const DOG = hit("dog", "Dog");

it.each<[MatchMode, boolean, ReturnType<typeof hit>[], string]>([
  ["any", true, [CAT, DOG], "Yes: a cat (97 %) and a dog (97 %)"],
  ["any", true, [miss("cat"), DOG], "Yes: a dog (97 %)"],
  ["any", false, [miss("cat"), miss("dog")], "No: no cat and no dog"],
  ["all", true, [CAT, DOG], "Yes: a cat (97 %) and a dog (97 %)"],
  ["all", false, [CAT, miss("dog")], "No: a cat (97 %), but no dog"],
  ["all", false, [miss("cat"), miss("dog")], "No: no cat and no dog"],
  ["none", true, [miss("cat"), miss("dog")], "Yes: no cat and no dog"],
  ["none", false, [CAT, miss("dog")], "No: a cat (97 %)"],
  ["none", true, [miss("cat")], "Yes: no cat"],
  ["none", false, [CAT], "No: a cat (97 %)"],
])("a question for %s of several that is answered %s says why: %#", (match_mode, label_matched, results, words) => {
  expect(plain(verdict(answered(results, { match_mode, label_matched })))).toBe(words);
});

it.each<[string[], MatchMode, string]>([
  [["cat"], "any", "“cat” at 90 %"],
  [["cat", "dog"], "all", "all of “cat”, “dog” at 90 %"],
  [["cat"], "none", "none of “cat” at 90 %"],
])("%o, %s, is spoken of as %s", (labels, match, words) => {
  expect(plain(inWords({ labels, match, minConfidence: 90 }))).toBe(words);
});

it.each([
  ["Cat", "a cat"],
  ["Animal", "an animal"],
  ["Glasses", "glasses"],
  ["Bus", "a bus"],
  ["Dress", "a dress"],
  ["Food", "food"],
])("%s is spoken of as %s", (name, words) => {
  expect(a(name)).toBe(words);
});

it("a confidence is never rounded up to what was asked for", () => {
  expect(percent(89.99)).toBe("89\u00a0%");
});

function plain(words: string): string {
  return words.replaceAll("\u00a0", " ");
}
