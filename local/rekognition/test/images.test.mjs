/** @import { Analyses, Detection } from "../src/types.js" */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { after, test } from "node:test";
import sharp from "sharp";
import { labelsOf } from "../src/labels.mjs";
import { contentTypesOf, moderationLabelsOf } from "../src/moderation.mjs";
import { taxonomy } from "../src/taxonomy.mjs";
import { VisionWorker } from "../src/vision.mjs";

const sha256 = (/** @type {Uint8Array} */ bytes) => createHash("sha256").update(bytes).digest("hex");
const sample = (/** @type {string} */ name) => readFile(new URL(`../../../samples/${name}`, import.meta.url));
const cat = await sample("cat.jpg");
const vision = await VisionWorker.start();
after(() => vision.stop());

/** @template {keyof Analyses} Task @param {Task} task @param {Uint8Array} bytes */
const analyze = (task, bytes) => vision.analyze(task, { bytes, hash: sha256(bytes) });
/** @param {Uint8Array} image */
const detect = (image) => analyze("objects", image);
/** @param {Uint8Array} image */
const detectLabels = async (image) => labelsOf(await detect(image), await analyze("classes", image), taxonomy);
/** @param {Uint8Array} image */
const moderate = async (image) => {
  const content = await analyze("content", image);
  const labels = moderationLabelsOf(content, await analyze("classes", image), taxonomy).filter(({ Confidence }) => Confidence >= 50);
  return { labels, types: contentTypesOf(content) };
};
/** @param {Uint8Array} image */
const confidentLabels = async (image) => (await detectLabels(image)).filter(({ Confidence }) => Confidence >= 90).map(({ Name }) => Name);
/** @param {Uint8Array} image */
const boxOfCat = async (image) => {
  const { Left, Top, Width, Height } = /** @type {Detection} */ ((await detect(image))[0]).box;
  return [Left, Top, Left + Width, Top + Height];
};
/** @param {number[]} actual @param {number[]} expected */
const near = (actual, expected) =>
  assert.ok(actual.every((edge, at) => Math.abs(edge - expected[at]) < 0.06), `${actual} is not near ${expected}`);

const PET_CAT = ["Cat", "Animal", "Mammal", "Pet"];
const SAMPLES = [
  { file: "cat.jpg", expected: PET_CAT },
  { file: "cat-small.png", expected: PET_CAT },
  { file: "astronaut.jpg", expected: ["Person"] },
  { file: "grace_hopper.jpg", expected: ["Person"] },
  { file: "photographer.png", expected: ["Person", "Tripod"] },
  { file: "coffee.jpg", expected: ["Cup", "Beverage", "Coffee", "Espresso"] },
  { file: "motorcycle.jpg", expected: ["Motorcycle", "Transportation", "Vehicle"] },
  { file: "rocket.jpg", expected: [] },
  { file: "sign.png", expected: [] },
  { file: "wine-bottle.png", expected: ["Beverage", "Alcohol", "Wine", "Bottle"] },
];

for (const { file, expected } of SAMPLES) {
  test(`${file} contains ${expected.join(", ") || "no known label"}`, async () => {
    assert.deepEqual(await confidentLabels(await sample(file)), expected);
  });
}

test("a wine bottle is flagged as an alcoholic beverage", async () => {
  const { labels } = await moderate(await sample("wine-bottle.png"));
  assert.deepEqual(labels.map(({ Name, ParentName, TaxonomyLevel }) => [Name, ParentName, TaxonomyLevel]), [
    ["Alcohol", "", 1],
    ["Alcoholic Beverages", "Alcohol", 2],
  ]);
});

const samples = await readdir(new URL("../../../samples/", import.meta.url));
for (const file of samples.filter((name) => /\.(jpg|png)$/.test(name) && name !== "wine-bottle.png"))
  test(`${file} has no moderation label`, async () => assert.deepEqual(await moderate(await sample(file)), { labels: [], types: [] }));

test("the probabilities of the classes add up to 1", async () => {
  const probabilities = await analyze("classes", cat);
  assert.equal(probabilities.length, 1000);
  assert.ok(Math.abs(probabilities.reduce((sum, probability) => sum + probability, 0) - 1) < 1e-3);
});

test("the same bytes always give the same labels", async () => {
  assert.deepEqual(await detectLabels(cat), await detectLabels(cat));
});

/** @typedef {import("sharp").Sharp} Sharp */
/** @type {[kind: string, make: (cat: Sharp) => Sharp][]} */
const VARIANTS = [
  ["with 16 bits per channel", (image) => image.toColourspace("rgb16").png()],
  ["with an alpha channel", (image) => image.ensureAlpha(0.9).png()],
  ["with a palette", (image) => image.png({ palette: true })],
  ["in CMYK", (image) => image.toColourspace("cmyk").jpeg()],
  ["in a progressive JPEG", (image) => image.jpeg({ progressive: true })],
  ["at ten times the size", (image) => image.resize(4510, 3000).jpeg()],
];

for (const [kind, make] of VARIANTS) {
  test(`a cat ${kind} is detected`, async () => {
    assert.deepEqual(await confidentLabels(await make(sharp(cat)).toBuffer()), PET_CAT);
  });
}

test("boxes are fractions of the image, not of the square around it", async () => {
  const canvas = { width: 1200, height: 400, channels: /** @type {const} */ (3), background: "#789" };
  const image = await sharp({ create: canvas }).composite([{ input: cat, left: 700, top: 50 }]).png().toBuffer();
  const [left, top, right, bottom] = await boxOfCat(cat);
  const inCanvas = [left, right].map((x) => (700 + x * 451) / 1200).concat([top, bottom].map((y) => (50 + y * 300) / 400));
  near(await boxOfCat(image), [inCanvas[0], inCanvas[2], inCanvas[1], inCanvas[3]]);
});

test("the Exif orientation of a JPEG is applied to the image and its boxes", async () => {
  const rotated = await sharp(cat).rotate(90).withMetadata({ orientation: 8 }).jpeg({ quality: 95 }).toBuffer();
  near(await boxOfCat(rotated), await boxOfCat(cat));
});

test("the Exif orientation of a PNG is ignored", async () => {
  const [rotated, upright] = await Promise.all(
    [8, 1].map((orientation) => sharp(cat).rotate(90).withMetadata({ orientation }).png().toBuffer()),
  );
  assert.deepEqual(await boxOfCat(rotated), await boxOfCat(upright));
});

const blank = (/** @type {number} */ width, /** @type {number} */ height) =>
  sharp({ create: { width, height, channels: 3, background: "#fff" } }).png().toBuffer();

const REJECTED = [
  { name: "a truncated image", image: cat.subarray(0, 9000), code: "InvalidImageFormatException" },
  { name: "a JPEG with only its first bytes", image: cat.subarray(0, 3), code: "InvalidImageFormatException" },
  { name: "a GIF", image: await sharp(cat).gif().toBuffer(), code: "InvalidImageFormatException" },
  { name: "a text file", image: Buffer.from("not an image"), code: "InvalidImageFormatException" },
  { name: "an image less than 80 pixels high", image: await blank(200, 79), code: "InvalidParameterException" },
  { name: "an image more than 10,000 pixels wide", image: await blank(10_001, 80), code: "ImageTooLargeException" },
];

for (const { name, image, code } of REJECTED) {
  test(`${name} is rejected with ${code}`, () => assert.rejects(detect(image), { code }));
}

for (const [width, height] of [[80, 80], [10_000, 80]]) {
  test(`an image of ${width} x ${height} pixels is accepted`, async () => {
    assert.ok(Array.isArray(await detect(await blank(width, height))));
  });
}
