/** @import { Taxonomy } from "../src/types.js" */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { confidence, distinct } from "../src/detections.mjs";
import { filterLabels, labelsOf } from "../src/labels.mjs";

const taxonomy = /** @type {Taxonomy} */ (JSON.parse(await readFile(new URL("../src/taxonomy.json", import.meta.url), "utf8")));
const box = { Left: 0.1, Top: 0.2, Width: 0.3, Height: 0.4 };
const elsewhere = { ...box, Left: 0.6 };
const detection = (/** @type {string} */ name, /** @type {number} */ score, where = box) => ({
  index: taxonomy.classes.indexOf(name),
  score,
  box: where,
});

test("every class of the model and every parent has a category", () => {
  const parents = Object.values(taxonomy.labels).flatMap((label) => label.parents ?? []);
  const unknown = [...taxonomy.classes, ...parents].filter((name) => !taxonomy.labels[name]?.category);
  assert.deepEqual([unknown, new Set(taxonomy.classes).size], [[], 80]);
});

test("a label lists all its ancestors, including the parents of its parents", () => {
  for (const [name, { parents = [] }] of Object.entries(taxonomy.labels))
    for (const parent of parents)
      for (const ancestor of taxonomy.labels[parent].parents ?? []) assert.ok(parents.includes(ancestor), `${name}: ${ancestor}`);
});

test("a label has Rekognition's format", () => {
  const [cat] = labelsOf([detection("Cat", 0.65)], taxonomy);
  assert.deepEqual(cat, {
    Name: "Cat",
    Confidence: confidence(0.65),
    Instances: [{ BoundingBox: box, Confidence: confidence(0.65) }],
    Parents: [{ Name: "Animal" }, { Name: "Mammal" }, { Name: "Pet" }],
    Aliases: [{ Name: "Feline" }],
    Categories: [{ Name: "Animals and Pets" }],
  });
});

test("a parent is a separate label without boxes and with the highest confidence of its children", () => {
  const labels = labelsOf([detection("Cat", 0.65), detection("Dog", 0.3, elsewhere)], taxonomy);
  const pet = labels.find(({ Name }) => Name === "Pet");
  assert.deepEqual([pet?.Confidence, pet?.Instances], [confidence(0.65), []]);
});

test("a class that is also a parent keeps its own boxes", () => {
  const labels = labelsOf([detection("Microwave", 0.6), detection("Oven", 0.4, elsewhere)], taxonomy);
  const oven = labels.find(({ Name }) => Name === "Oven");
  assert.deepEqual([oven?.Confidence, oven?.Instances.length], [confidence(0.6), 1]);
});

test("labels are sorted by confidence, then by number of boxes", () => {
  const labels = labelsOf([detection("Person", 0.7), detection("Cat", 0.5, elsewhere)], taxonomy);
  assert.deepEqual(labels.map(({ Name }) => Name), ["Person", "Cat", "Animal", "Mammal", "Pet"]);
});

test("overlapping boxes of a class count once, separate boxes count twice", () => {
  const objects = distinct([detection("Cat", 0.4), detection("Cat", 0.6, { ...box, Left: 0.12 }), detection("Cat", 0.5, elsewhere)]);
  assert.deepEqual(objects.map(({ score }) => score), [0.6, 0.5]);
});

test("overlapping boxes of different classes are both kept", () => {
  assert.equal(distinct([detection("Cat", 0.4), detection("Dog", 0.3)]).length, 2);
});

const labels = labelsOf([detection("Cat", 0.65), detection("Cat", 0.2, elsewhere), detection("Car", 0.2, elsewhere)], taxonomy);
const REQUESTS = [
  { name: "MinConfidence defaults to 55", request: {}, names: ["Cat", "Animal", "Mammal", "Pet"] },
  { name: "a low MinConfidence includes uncertain labels", request: { MinConfidence: 10, MaxLabels: 5 }, names: ["Cat", "Animal", "Mammal", "Pet", "Car"] },
  { name: "a MinConfidence of 100 excludes all labels", request: { MinConfidence: 100 }, names: [] },
  { name: "MaxLabels keeps the labels with the highest confidence", request: { MaxLabels: 1 }, names: ["Cat"] },
];

for (const { name, request, names } of REQUESTS) {
  test(name, () => assert.deepEqual(filterLabels(labels, request).map(({ Name }) => Name), names));
}

test("MinConfidence also applies to boxes", () => {
  assert.equal(filterLabels(labels, {})[0].Instances.length, 1);
});

test("the confidence increases with the score and stays between 0 and 100", () => {
  const confidences = Array.from({ length: 101 }, (_, percent) => confidence(percent / 100));
  assert.deepEqual(confidences, confidences.toSorted((a, b) => a - b));
  assert.ok(confidences[0] > 0 && confidences[100] < 100);
});

test("a score of 0.25 gives a confidence of 50, and 0.47 is the first above 90", () => {
  assert.equal(confidence(0.25), 50);
  assert.ok(confidence(0.46) < 90 && confidence(0.47) >= 90);
});
