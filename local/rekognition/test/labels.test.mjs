/** @import { Taxonomy } from "../src/types.js" */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { confidence, distinct } from "../src/detections.mjs";
import { asked, labelsOf } from "../src/labels.mjs";

const taxonomy = /** @type {Taxonomy} */ (JSON.parse(await readFile(new URL("../src/taxonomy.json", import.meta.url), "utf8")));
const box = { Left: 0.1, Top: 0.2, Width: 0.3, Height: 0.4 };
const elsewhere = { ...box, Left: 0.6 };
const found = (/** @type {string} */ name, /** @type {number} */ score, where = box) => ({
  index: taxonomy.classes.indexOf(name),
  score,
  box: where,
});

test("every class of the model and every parent is described", () => {
  const parents = Object.values(taxonomy.labels).flatMap((label) => label.parents ?? []);
  const unknown = [...taxonomy.classes, ...parents].filter((name) => !taxonomy.labels[name]?.category);
  assert.deepEqual([unknown, new Set(taxonomy.classes).size], [[], 80]);
});

test("a label names all its ancestors, those of its parents too", () => {
  for (const [name, { parents = [] }] of Object.entries(taxonomy.labels))
    for (const parent of parents)
      for (const ancestor of taxonomy.labels[parent].parents ?? []) assert.ok(parents.includes(ancestor), `${name}: ${ancestor}`);
});

test("a cat has Rekognition's shape", () => {
  const [cat] = labelsOf([found("Cat", 0.65)], taxonomy);
  assert.deepEqual(cat, {
    Name: "Cat",
    Confidence: confidence(0.65),
    Instances: [{ BoundingBox: box, Confidence: confidence(0.65) }],
    Parents: [{ Name: "Animal" }, { Name: "Mammal" }, { Name: "Pet" }],
    Aliases: [{ Name: "Feline" }],
    Categories: [{ Name: "Animals and Pets" }],
  });
});

test("a parent is a label of its own, without boxes, as sure as its surest child", () => {
  const labels = labelsOf([found("Cat", 0.65), found("Dog", 0.3, elsewhere)], taxonomy);
  const pet = labels.find(({ Name }) => Name === "Pet");
  assert.deepEqual([pet?.Confidence, pet?.Instances], [confidence(0.65), []]);
});

test("a class that is also a parent keeps its own boxes", () => {
  const labels = labelsOf([found("Microwave", 0.6), found("Oven", 0.4, elsewhere)], taxonomy);
  const oven = labels.find(({ Name }) => Name === "Oven");
  assert.deepEqual([oven?.Confidence, oven?.Instances.length], [confidence(0.6), 1]);
});

test("the most confident come first, and of equals the one with boxes", () => {
  const labels = labelsOf([found("Person", 0.7), found("Cat", 0.5, elsewhere)], taxonomy);
  assert.deepEqual(labels.map(({ Name }) => Name), ["Person", "Cat", "Animal", "Mammal", "Pet"]);
});

test("two boxes on one object count once, two objects twice", () => {
  const objects = distinct([found("Cat", 0.4), found("Cat", 0.6, { ...box, Left: 0.12 }), found("Cat", 0.5, elsewhere)]);
  assert.deepEqual(objects.map(({ score }) => score), [0.6, 0.5]);
});

test("two classes on one object are both kept", () => {
  assert.equal(distinct([found("Cat", 0.4), found("Dog", 0.3)]).length, 2);
});

const labels = labelsOf([found("Cat", 0.65), found("Cat", 0.2, elsewhere), found("Car", 0.2, elsewhere)], taxonomy);
const REQUESTS = [
  { name: "labels from 55 up are given unless asked otherwise", request: {}, names: ["Cat", "Animal", "Mammal", "Pet"] },
  { name: "MinConfidence lets the unsure in", request: { MinConfidence: 10, MaxLabels: 5 }, names: ["Cat", "Animal", "Mammal", "Pet", "Car"] },
  { name: "MinConfidence keeps all out", request: { MinConfidence: 100 }, names: [] },
  { name: "MaxLabels keeps the most confident", request: { MaxLabels: 1 }, names: ["Cat"] },
];

for (const { name, request, names } of REQUESTS) {
  test(name, () => assert.deepEqual(asked(labels, request).map(({ Name }) => Name), names));
}

test("MinConfidence holds for boxes too", () => {
  assert.equal(asked(labels, {})[0].Instances.length, 1);
});

test("a confidence rises with the score and stays within 0 and 100", () => {
  const confidences = Array.from({ length: 101 }, (_, percent) => confidence(percent / 100));
  assert.deepEqual(confidences, confidences.toSorted((a, b) => a - b));
  assert.ok(confidences[0] > 0 && confidences[100] < 100);
});

test("a score of 0.25 is even odds and 0.47 the first to pass 90", () => {
  assert.equal(confidence(0.25), 50);
  assert.ok(confidence(0.46) < 90 && confidence(0.47) >= 90);
});
