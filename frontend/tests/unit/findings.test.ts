import { expect, it } from "vitest";
import { groupByTopLevel, matchedLines, toTransform } from "../../src/view/Findings";
import { completed, foundText, missedTerm, moderationLabel, textLine } from "./examples";

it("moderation labels are grouped by their top level, the highest confidence first", () => {
  const smoking = moderationLabel("Smoking", 80, "Drugs & Tobacco", "Drugs & Tobacco Paraphernalia & Use");
  const tobacco = moderationLabel("Drugs & Tobacco", 80);
  const use = moderationLabel("Drugs & Tobacco Paraphernalia & Use", 80, "Drugs & Tobacco");
  const beer = moderationLabel("Beer", 95, "Alcohol");
  const wine = moderationLabel("Wine", 96, "Alcohol");
  expect(groupByTopLevel([smoking, tobacco, beer, use, wine])).toEqual([
    { category: "Alcohol", top: undefined, others: [wine, beer] },
    { category: "Drugs & Tobacco", top: tobacco, others: [use, smoking] },
  ]);
});

/** Apply a transform to the corners of the area in which a line is drawn. */
function corners(transform: string): number[][] {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = transform.slice("matrix(".length, -1).split(" ").map(Number);
  const rounded = (value: number) => Number(value.toFixed(6));
  return [
    [0, 0],
    [1_000, 0],
    [1_000, 100],
    [0, 100],
  ].map(([x = 0, y = 0]) => [rounded(a * x + c * y + e), rounded(b * x + d * y + f)]);
}

it.each([
  [
    "upright",
    [
      [0.1, 0.1],
      [0.6, 0.1],
      [0.6, 0.2],
      [0.1, 0.2],
    ],
  ],
  [
    "rotated",
    [
      [0.5, 0.2],
      [0.6, 0.7],
      [0.4, 0.75],
      [0.3, 0.25],
    ],
  ],
  [
    "upside down",
    [
      [0.6, 0.2],
      [0.1, 0.2],
      [0.1, 0.1],
      [0.6, 0.1],
    ],
  ],
])("the text of an %s line is drawn into its polygon", (_, points) => {
  const polygon = points.map(([x = 0, y = 0]) => ({ x, y }));
  expect(corners(toTransform(polygon))).toEqual(points.map((point) => point.map((value) => value * 1_000)));
});

it("the lines that a verdict matches are emphasized", () => {
  const verdict = completed([foundText("sale", "Big SALE"), missedTerm("text", "exit")]);
  const lines = ["EXIT 5", "Big SALE", "Big SALE"].map((text) => textLine(text));
  expect(matchedLines(verdict, lines)).toEqual(new Set([1, 2]));
});
