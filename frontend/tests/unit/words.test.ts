import { expect, it } from "vitest";
import type { Match } from "../../src/api/contract";
import { a, percent, verdict } from "../../src/scan/words";
import { answered, label } from "./examples";

function match(of: string, matched_by: Match["matched_by"]): Match {
  return { label: of, confidence: 97.31, matched_by, boxes: [] };
}

const no = { label_matched: false, match: null };

it.each([
  [answered(), "Yes: a cat, 97 %"],
  [answered({ label: "feline", match: match("Cat", "alias") }), "Yes: a cat, or feline, 97 %"],
  [answered({ label: "animal", match: match("Cat", "parent") }), "Yes: a cat, which is an animal, 97 %"],
  [answered({ label: "vehicles", match: match("Car", "category") }), "Yes: a car, under vehicles, 97 %"],
  [answered({ ...no, nearest: [label("Dog", 62.9)] }), "No cat; the nearest is a dog, 62 %"],
  [answered({ ...no, nearest: [label("Cat", 89.99)] }), "No, not at 90 %: perhaps a cat, 89 %"],
  [
    answered({ ...no, label: "feline", nearest: [label("Cat", 62, { aliases: ["Feline"] })] }),
    "No, not at 90 %: perhaps a cat, 62 %",
  ],
  [answered({ ...no, nearest: [] }), "No cat; nothing was recognised"],
])("the verdict %# reads as a person would say it", (request, words) => {
  expect(verdict(request).replaceAll("\u00a0", " ")).toBe(words);
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
