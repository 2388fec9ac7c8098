import assert from "node:assert/strict";
import { test } from "node:test";
import { confidence, distinct } from "../src/detections.mjs";
import { filterLabels, labelsOf } from "../src/labels.mjs";
import { taxonomy } from "../src/taxonomy.mjs";

const box = { Left: 0.1, Top: 0.2, Width: 0.3, Height: 0.4 };
const elsewhere = { ...box, Left: 0.6 };
const detection = (/** @type {string} */ name, /** @type {number} */ score, where = box) => ({
  index: taxonomy.objects.indexOf(name),
  score,
  box: where,
});
const NONE = new Float32Array(1000);
/** @param {Record<string, number | undefined>} probabilities by label */
const classes = (probabilities) => taxonomy.classes.map((name) => probabilities[name] ?? 0);
/** @param {ReturnType<typeof labelsOf>} labels @param {string} name */
const confidenceOf = (labels, name) => labels.find((label) => label.Name === name)?.Confidence;

test("every class of ImageNet has a label", () => {
  assert.equal(taxonomy.classes.length, 1000);
  assert.equal(new Set(taxonomy.classes).size, 995); // five labels have two classes, such as Sunglasses
});

test("every class of the models and every parent has a category", () => {
  const parents = Object.values(taxonomy.labels).flatMap((label) => label.parents ?? []);
  const unknown = [...taxonomy.objects, ...taxonomy.classes, ...parents].filter((name) => !taxonomy.labels[name]?.category);
  assert.deepEqual([unknown, new Set(taxonomy.objects).size], [[], 80]);
});

test("a label lists all its ancestors, including the parents of its parents", () => {
  for (const [name, { parents = [] }] of Object.entries(taxonomy.labels))
    for (const parent of parents)
      for (const ancestor of taxonomy.labels[parent].parents ?? []) assert.ok(parents.includes(ancestor), `${name}: ${ancestor}`);
});

test("a label has Rekognition's format", () => {
  const [cat] = labelsOf([detection("Cat", 0.65)], NONE, taxonomy);
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
  const labels = labelsOf([detection("Car", 0.65), detection("Bus", 0.3, elsewhere)], NONE, taxonomy);
  const vehicle = labels.find(({ Name }) => Name === "Vehicle");
  assert.deepEqual([vehicle?.Confidence, vehicle?.Instances], [confidence(0.65), []]);
});

test("a class that is also a parent keeps its own boxes", () => {
  const labels = labelsOf([detection("Microwave", 0.6), detection("Oven", 0.4, elsewhere)], NONE, taxonomy);
  const oven = labels.find(({ Name }) => Name === "Oven");
  assert.deepEqual([oven?.Confidence, oven?.Instances.length], [confidence(0.6), 1]);
});

test("labels are sorted by confidence, then by number of boxes", () => {
  const labels = labelsOf([detection("Person", 0.7), detection("Cat", 0.65, elsewhere)], NONE, taxonomy);
  assert.deepEqual(labels.map(({ Name }) => Name), ["Person", "Cat", "Animal", "Mammal", "Pet"]);
});

test("the classes of the image are labels without boxes, and their confidence is their probability", () => {
  const espresso = labelsOf([], classes({ Espresso: 0.9, Teapot: 0.04 }), taxonomy);
  assert.deepEqual(espresso.map(({ Name, Instances }) => [Name, Instances.length]), [["Beverage", 0], ["Coffee", 0], ["Espresso", 0]]);
  assert.equal(confidenceOf(espresso, "Espresso"), 90);
});

test("a parent has the sum of the probabilities of its classes", () => {
  const dogs = labelsOf([], classes({ Pug: 0.3, Beagle: 0.25, Whippet: 0.25 }), taxonomy);
  assert.deepEqual(["Dog", "Hound", "Pug"].map((name) => Math.round(confidenceOf(dogs, name) ?? 0)), [80, 50, 30]);
});

test("two classes with the same label add up", () => {
  const [first, second] = taxonomy.classes.flatMap((name, index) => (name === "Sunglasses" ? [index] : []));
  const probabilities = NONE.with(first, 0.5).with(second, 0.25);
  assert.equal(confidenceOf(labelsOf([], probabilities, taxonomy), "Sunglasses"), 75);
});

test("an object that is also a class of the image is listed once, with its box and the higher confidence", () => {
  const labels = labelsOf([detection("Cat", 0.65)], classes({ Tabby: 0.6, "Egyptian Cat": 0.3 }), taxonomy);
  const cats = labels.filter(({ Name }) => Name === "Cat");
  assert.deepEqual(cats.map(({ Confidence, Instances }) => [Confidence, Instances.length]), [[confidence(0.65), 1]]);
  const tabby = labels.find(({ Name }) => Name === "Tabby");
  assert.ok(tabby?.Parents.some(({ Name }) => Name === "Cat"));
});

const EVIDENCE = [
  { name: "the classes of the image raise the confidence of an uncertain box", score: 0.2, seen: { Tabby: 0.8 }, box: 80 },
  { name: "a very uncertain box is not raised", score: 0.15, seen: { Tabby: 0.8 }, box: confidence(0.15) },
  { name: "a box is not raised by a class of low probability", score: 0.4, seen: { Tabby: 0.29 }, box: confidence(0.4) },
  { name: "a certain box keeps its confidence", score: 0.65, seen: { Tabby: 0.8 }, box: confidence(0.65) },
  { name: "an animal is dropped if the image shows another one", score: 0.9, seen: { Pug: 0.7 }, box: undefined },
  { name: "an animal is kept if the image may show it", score: 0.5, seen: { Pug: 0.7, Tabby: 0.06 }, box: confidence(0.5) },
  { name: "an uncertain animal is dropped if the image shows no animal", score: 0.59, seen: { Teapot: 0.9 }, box: undefined },
  { name: "a certain animal is kept if the image shows no animal", score: 0.61, seen: { Teapot: 0.9 }, box: confidence(0.61) },
];

for (const { name, score, seen, box: expected } of EVIDENCE) {
  test(name, () => {
    const cat = labelsOf([detection("Cat", score)], classes(seen), taxonomy).find(({ Instances }) => Instances.length > 0);
    assert.equal(cat?.Instances[0].Confidence, expected);
  });
}

test("an object that is no animal is kept if the image shows another object", () => {
  const labels = labelsOf([detection("Cup", 0.3)], classes({ Teapot: 0.9 }), taxonomy);
  assert.equal(confidenceOf(labels, "Cup"), confidence(0.3));
});

test("overlapping boxes of a class count once, separate boxes count twice", () => {
  const objects = distinct([detection("Cat", 0.4), detection("Cat", 0.6, { ...box, Left: 0.12 }), detection("Cat", 0.5, elsewhere)]);
  assert.deepEqual(objects.map(({ score }) => score), [0.6, 0.5]);
});

test("overlapping boxes of different classes are both kept", () => {
  assert.equal(distinct([detection("Cat", 0.4), detection("Dog", 0.3)]).length, 2);
});

const labels = labelsOf([detection("Motorcycle", 0.65), detection("Motorcycle", 0.2, elsewhere), detection("Cup", 0.2, elsewhere)], NONE, taxonomy);
const ALL = ["Motorcycle", "Transportation", "Vehicle"];
/** @param {object} GeneralLabels */
const withFilters = (GeneralLabels) => ({ Settings: { GeneralLabels } });
const REQUESTS = [
  { name: "MinConfidence defaults to 55", request: {}, names: ALL },
  { name: "a low MinConfidence includes uncertain labels", request: { MinConfidence: 10 }, names: [...ALL, "Cup"] },
  { name: "a MinConfidence of 100 excludes all labels", request: { MinConfidence: 100 }, names: [] },
  { name: "MaxLabels keeps the labels with the highest confidence", request: { MaxLabels: 1 }, names: ["Motorcycle"] },
  { name: "a label filter includes only its labels", request: withFilters({ LabelInclusionFilters: ["Vehicle", "Dog"] }), names: ["Vehicle"] },
  { name: "a label filter excludes its labels", request: withFilters({ LabelExclusionFilters: ["Vehicle"] }), names: ["Motorcycle", "Transportation"] },
  {
    name: "a category filter includes only its categories",
    request: { MinConfidence: 10, ...withFilters({ LabelCategoryInclusionFilters: ["Kitchen and Dining"] }) },
    names: ["Cup"],
  },
  {
    name: "a category filter excludes its categories",
    request: { MinConfidence: 10, ...withFilters({ LabelCategoryExclusionFilters: ["Vehicles and Automotive"] }) },
    names: ["Cup"],
  },
  {
    name: "inclusion filters of labels and categories add up",
    request: { MinConfidence: 10, ...withFilters({ LabelInclusionFilters: ["Vehicle"], LabelCategoryInclusionFilters: ["Kitchen and Dining"] }) },
    names: ["Vehicle", "Cup"],
  },
  {
    name: "an exclusion filter has priority over an inclusion filter",
    request: withFilters({ LabelCategoryInclusionFilters: ["Vehicles and Automotive"], LabelExclusionFilters: ["Motorcycle"] }),
    names: ["Transportation", "Vehicle"],
  },
  { name: "filters apply before MaxLabels", request: { MaxLabels: 1, ...withFilters({ LabelExclusionFilters: ["Motorcycle"] }) }, names: ["Transportation"] },
  { name: "empty filters have no effect", request: withFilters({ LabelInclusionFilters: [] }), names: ALL },
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
