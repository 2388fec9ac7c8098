/** @import { Detection, Taxonomy } from "../src/types.js" */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import sharp from "sharp";
import { Detector } from "../src/detector.mjs";
import { labelsOf } from "../src/labels.mjs";

const taxonomy = /** @type {Taxonomy} */ (JSON.parse(await readFile(new URL("../src/taxonomy.json", import.meta.url), "utf8")));
const sample = (/** @type {string} */ name) => readFile(new URL(`../../../samples/${name}`, import.meta.url));
const cat = await sample("cat.jpg");
const detector = await Detector.start();
after(() => detector.stop());

/** @param {Uint8Array} image */
const look = async (image) => labelsOf(await detector.detect(image), taxonomy);
/** @param {Uint8Array} image */
const certain = async (image) => (await look(image)).filter(({ Confidence }) => Confidence >= 90).map(({ Name }) => Name);
/** @param {Uint8Array} image */
const boxOfCat = async (image) => {
  const { Left, Top, Width, Height } = /** @type {Detection} */ ((await detector.detect(image))[0]).box;
  return [Left, Top, Left + Width, Top + Height];
};
/** @param {number[]} actual @param {number[]} expected */
const near = (actual, expected) =>
  assert.ok(actual.every((edge, at) => Math.abs(edge - expected[at]) < 0.06), `${actual} is not near ${expected}`);

const PET_CAT = ["Cat", "Animal", "Mammal", "Pet"];
const SAMPLES = [
  { file: "cat.jpg", sees: PET_CAT },
  { file: "cat-small.png", sees: PET_CAT },
  { file: "astronaut.jpg", sees: ["Person"] },
  { file: "grace_hopper.jpg", sees: ["Person"] },
  { file: "photographer.png", sees: ["Person"] },
  { file: "coffee.jpg", sees: ["Cup"] },
  { file: "motorcycle.jpg", sees: ["Motorcycle", "Transportation", "Vehicle"] },
  { file: "rocket.jpg", sees: [] },
];

for (const { file, sees } of SAMPLES) {
  test(`${file} certainly shows ${sees.join(", ") || "nothing it knows"}`, async () => {
    assert.deepEqual(await certain(await sample(file)), sees);
  });
}

test("the same bytes are always answered alike", async () => {
  assert.deepEqual(await look(cat), await look(cat));
});

/** @typedef {import("sharp").Sharp} Sharp */
/** @type {[kind: string, make: (cat: Sharp) => Sharp][]} */
const KINDS = [
  ["in sixteen bits", (picture) => picture.toColourspace("rgb16").png()],
  ["with transparency", (picture) => picture.ensureAlpha(0.9).png()],
  ["with a palette", (picture) => picture.png({ palette: true })],
  ["in CMYK", (picture) => picture.toColourspace("cmyk").jpeg()],
  ["stored progressively", (picture) => picture.jpeg({ progressive: true })],
  ["ten times as large", (picture) => picture.resize(4510, 3000).jpeg()],
];

for (const [kind, make] of KINDS) {
  test(`a cat ${kind} is a cat`, async () => {
    assert.deepEqual(await certain(await make(sharp(cat)).toBuffer()), PET_CAT);
  });
}

test("boxes are fractions of the picture, not of the square it was put in", async () => {
  const canvas = { width: 1200, height: 400, channels: /** @type {const} */ (3), background: "#789" };
  const image = await sharp({ create: canvas }).composite([{ input: cat, left: 700, top: 50 }]).png().toBuffer();
  const [left, top, right, bottom] = await boxOfCat(cat);
  const inCanvas = [left, right].map((x) => (700 + x * 451) / 1200).concat([top, bottom].map((y) => (50 + y * 300) / 400));
  near(await boxOfCat(image), [inCanvas[0], inCanvas[2], inCanvas[1], inCanvas[3]]);
});

test("a JPEG is turned upright by its Exif orientation, and so are its boxes", async () => {
  const lying = await sharp(cat).rotate(90).withMetadata({ orientation: 8 }).jpeg({ quality: 95 }).toBuffer();
  near(await boxOfCat(lying), await boxOfCat(cat));
});

test("a PNG is taken as it lies, whatever its Exif says", async () => {
  const [lying, upright] = await Promise.all(
    [8, 1].map((orientation) => sharp(cat).rotate(90).withMetadata({ orientation }).png().toBuffer()),
  );
  assert.deepEqual(await boxOfCat(lying), await boxOfCat(upright));
});

const blank = (/** @type {number} */ width, /** @type {number} */ height) =>
  sharp({ create: { width, height, channels: 3, background: "#fff" } }).png().toBuffer();

const REFUSED = [
  { name: "a picture cut short", image: cat.subarray(0, 9000), code: "InvalidImageFormatException" },
  { name: "a JPEG of nothing but its first bytes", image: cat.subarray(0, 3), code: "InvalidImageFormatException" },
  { name: "a GIF", image: await sharp(cat).gif().toBuffer(), code: "InvalidImageFormatException" },
  { name: "a text", image: Buffer.from("not a picture"), code: "InvalidImageFormatException" },
  { name: "a picture less than 80 pixels high", image: await blank(200, 79), code: "InvalidParameterException" },
  { name: "a picture more than 10,000 pixels wide", image: await blank(10_001, 80), code: "ImageTooLargeException" },
];

for (const { name, image, code } of REFUSED) {
  test(`${name} is refused with ${code}`, () => assert.rejects(detector.detect(image), { code }));
}

for (const [width, height] of [[80, 80], [10_000, 80]]) {
  test(`a picture of ${width} x ${height} pixels is looked at`, async () => {
    assert.ok(Array.isArray(await detector.detect(await blank(width, height))));
  });
}
