/** @import { TextLine } from "../src/text/text.js" */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import sharp from "sharp";
import * as tf from "@tensorflow/tfjs-core";
import { textDetectionsOf } from "../src/detect-text.mjs";
import { decode } from "../src/image.mjs";
import { loadTextRecognizer } from "../src/text/recognizer.mjs";

const recognizer = await loadTextRecognizer();

const sample = (/** @type {string} */ name) => readFile(new URL(`../../../samples/${name}`, import.meta.url));
const image = (/** @type {string} */ name) => readFile(new URL(`images/${name}`, import.meta.url));
/** @param {Uint8Array} bytes @returns {Promise<TextLine[]>} */
const read = async (bytes) => recognizer.recognize(await decode(bytes));
/** @param {Uint8Array} bytes */
const linesOf = async (bytes) => (await read(bytes)).map(({ text }) => text);

/** @type {[what: string, file: string, expected: string[]][]} */
const IMAGES = [
  ["two lines", "two-lines.png", ["Main Street", "Exit 42"]],
  ["white text on a photo", "on-photo.jpg", ["Fresh Coffee Daily"]],
  ["text rotated by 10 degrees", "rotated.png", ["Departure 10:45"]],
  ["text that runs down steeply", "steep.png", ["Platform Nine"]],
  ["text that runs upwards", "vertical.png", ["Library Hours"]],
  ["text of 14 px", "small.png", ["Please keep this door closed at night"]],
  ["letters with accents", "letters.png", ["Größe für Señor Müller"]],
  ["words with a large gap, as two lines", "columns.png", ["Coffee", "€ 3.50"]],
  ["no text in an image with shapes", "none.png", []],
];

for (const [what, file, expected] of IMAGES) {
  test(`${file}: the models read ${what}`, async () => {
    assert.deepEqual((await linesOf(await image(file))).sort(), [...expected].sort());
  });
}

test("the sample of a sign is found by its text, from top to bottom", async () => {
  assert.deepEqual(await linesOf(await sample("sign.png")), ["SUMMER SALE", "50% OFF", "OPEN"]);
});

test("the label of the drawn wine bottle is read", async () => {
  assert.deepEqual(await linesOf(await sample("wine-bottle.png")), ["RED WINE", "Cabernet", "2019"]);
});

test("the only text in the other samples is the name plate of Grace Hopper", async () => {
  const files = ["astronaut.jpg", "cat.jpg", "cat-small.png", "coffee.jpg", "grace_hopper.jpg", "motorcycle.jpg", "photographer.png", "rocket.jpg"];
  const lines = [];
  for (const file of files) lines.push(...(await linesOf(await sample(file))).map((line) => [file, line]));
  assert.deepEqual(lines, [["grace_hopper.jpg", "COMO HOPPER"]]);
});

test("text keeps its place when the image is five times as large", async () => {
  const small = await image("two-lines.png");
  const [before, enlarged] = [await read(small), await read(await sharp(small).resize(2400, 1200).png().toBuffer())];
  assert.deepEqual(enlarged.map(({ text }) => text), ["Main Street", "Exit 42"]);
  before.forEach((line, at) => assertNear(enlarged[at].corners.flat(), line.corners.flat()));
});

test("the polygon of a rotated line follows its text, and its words lie one after another", async () => {
  const [{ corners, words }] = await read(await image("rotated.png"));
  const [[left, top], [right, lower]] = corners;
  const degrees = (Math.atan2((lower - top) * 260, (right - left) * 520) * 180) / Math.PI;
  assert.ok(Math.abs(degrees - 10) < 1.5, `${degrees} degrees`);
  assert.deepEqual(words.map(({ text }) => text), ["Departure", "10:45"]);
  assert.ok(words[0].corners[1][0] < words[1].corners[0][0]);
});

test("word boxes contain the ink of their word and no other ink", async () => {
  const bytes = await image("two-lines.png");
  const detections = textDetectionsOf(await read(bytes), { Image: {} });
  const boxes = detections.filter(({ Type }) => Type === "WORD").map(({ DetectedText, Geometry }) => ({ DetectedText, ...Geometry.BoundingBox }));
  const { data, info } = await sharp(bytes).greyscale().raw().toBuffer({ resolveWithObject: true });
  let outside = 0;
  let ink = 0;
  data.forEach((value, at) => {
    if (value > 100) return;
    const [x, y] = [(at % info.width) / info.width, Math.floor(at / info.width) / info.height];
    const owners = boxes.filter(({ Left, Top, Width, Height }) => x >= Left && x <= Left + Width && y >= Top && y <= Top + Height);
    ink += 1;
    if (owners.length !== 1) outside += 1;
  });
  assert.ok(ink > 1000 && outside / ink < 0.03, `${outside} of ${ink} pixels are not in exactly one box`);
});

test("an image with more than 100 words has 100 words", async () => {
  const detections = textDetectionsOf(await read(await image("many-words.png")), { Image: {} });
  assert.equal(detections.filter(({ Type }) => Type === "WORD").length, 100);
  assert.equal(detections.filter(({ Type }) => Type === "LINE").length, 13);
});

test("recognition releases the memory of the backend", async () => {
  const bytes = await image("two-lines.png");
  await read(bytes);
  const { numTensors } = tf.memory();
  await read(bytes);
  assert.equal(tf.memory().numTensors, numTensors);
});

test("the same image always has the same result", async () => {
  const bytes = await sample("sign.png");
  assert.deepEqual(await read(bytes), await read(bytes));
});

/** @param {number[]} actual @param {number[]} expected */
function assertNear(actual, expected) {
  assert.ok(actual.every((value, at) => Math.abs(value - expected[at]) < 0.03), `${actual} is not near ${expected}`);
}
