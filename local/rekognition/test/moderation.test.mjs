/** @import { ContentProbabilities } from "../src/types.js" */
import assert from "node:assert/strict";
import { test } from "node:test";
import { contentTypesOf, moderationLabelsOf } from "../src/moderation.mjs";
import { taxonomy } from "../src/taxonomy.mjs";

const NEUTRAL = { drawing: 0, hentai: 0, neutral: 1, porn: 0, sexy: 0 };
/** @param {Partial<ContentProbabilities>} one @param {Partial<ContentProbabilities>} [other] */
const content = (one, other = one) => [{ ...NEUTRAL, ...one }, { ...NEUTRAL, ...other }];
/** @param {Record<string, number>} seen probabilities by label @param {ContentProbabilities[]} [judged] */
const moderate = (seen, judged = content({})) =>
  moderationLabelsOf(judged, taxonomy.classes.map((name) => seen[name] ?? 0), taxonomy);
/** @param {Record<string, number>} seen @param {ContentProbabilities[]} [judged] */
const flagged = (seen, judged) => moderate(seen, judged).filter(({ Confidence }) => Confidence >= 50).map(({ Name }) => Name);

test("a label and its parents have Rekognition's format", () => {
  assert.deepEqual(moderate({ "Pill Bottle": 0.75 }), [
    { Confidence: 75, Name: "Drugs & Tobacco", ParentName: "", TaxonomyLevel: 1 },
    { Confidence: 75, Name: "Products", ParentName: "Drugs & Tobacco", TaxonomyLevel: 2 },
    { Confidence: 75, Name: "Pills", ParentName: "Products", TaxonomyLevel: 3 },
  ]);
});

const FLAGGED = /** @type {[string, Record<string, number>, string[]][]} */ ([
  ["wine and beer", { "Red Wine": 0.3, "Beer Glass": 0.3 }, ["Alcohol", "Alcoholic Beverages"]],
  ["a gun", { Revolver: 0.5 }, ["Violence", "Weapons"]],
  ["a slot machine", { "Slot Machine": 0.9 }, ["Gambling"]],
  ["a missile", { Missile: 0.9 }, []],
  ["a bikini that the content models do not flag", { Bikini: 0.9 }, []],
]);

for (const [what, seen, names] of FLAGGED) test(`${what} is flagged as ${names.at(-1) ?? "nothing"}`, () => assert.deepEqual(flagged(seen), names));

test("explicit content is flagged if both models agree", () => {
  assert.deepEqual(flagged({}, content({ porn: 0.5, hentai: 0.3 })), ["Explicit", "Explicit Nudity"]);
  assert.deepEqual(flagged({}, content({ porn: 0.9 }, { porn: 0.6 })), []);
});

test("swimwear is flagged if the image shows swimwear and both models agree", () => {
  const names = ["Swimwear or Underwear", "Male Swimwear or Underwear"];
  assert.deepEqual(flagged({ "Swimming Trunks": 0.2 }, content({ sexy: 0.5 })), names);
  assert.deepEqual(flagged({ "Swimming Trunks": 0.1 }, content({ sexy: 0.9 })), []);
  assert.deepEqual(flagged({ "Swimming Trunks": 0.9 }, content({ sexy: 0.9 }, { sexy: 0.4 })), []);
});

test("the confidence of explicit content increases with the probability, and is 50 at the threshold", () => {
  const confidences = [0.1, 0.35, 0.7, 0.85, 1].map((porn) => moderate({}, content({ porn }))[0]?.Confidence);
  assert.deepEqual(confidences.map((confidence) => Math.round(confidence)), [7, 25, 50, 75, 100]);
});

test("a neutral image has no label, even with a confidence of 5", () => assert.deepEqual(moderate({ Teapot: 1 }), []));

test("a drawing has the content type Illustrated if both models agree", () => {
  assert.deepEqual(contentTypesOf(content({ drawing: 0.75 })), [{ Confidence: 75, Name: "Illustrated" }]);
  assert.deepEqual(contentTypesOf(content({ drawing: 0.9 }, { drawing: 0.4 })), []);
});
