import assert from "node:assert/strict";
import { test } from "node:test";
import { colorsOfBox, imageProperties } from "../src/image-properties.mjs";

const SIDE = 8;
/** @param {(x: number, y: number) => number[]} colorAt */
const thumbnail = (colorAt) => ({
  width: SIDE,
  height: SIDE,
  pixels: Uint8Array.from(Array.from({ length: SIDE * SIDE }, (_, at) => colorAt(at % SIDE, Math.floor(at / SIDE))).flat()),
});
const RED = [250, 5, 5];
const WHITE = [255, 255, 255];
const BLACK = [0, 0, 0];
const redOnWhite = thumbnail((x, y) => (x < 4 && y < 4 ? RED : WHITE));
const RED_BOX = { Left: 0, Top: 0, Width: 0.5, Height: 0.5 };

test("the dominant colours are the nearest ones of CSS with their share of the pixels", () => {
  assert.deepEqual(imageProperties(redOnWhite, [], 10).DominantColors, [
    { Red: 255, Green: 255, Blue: 255, HexCode: "#ffffff", CSSColor: "white", SimplifiedColor: "white", PixelPercent: 75 },
    { Red: 255, Green: 0, Blue: 0, HexCode: "#ff0000", CSSColor: "red", SimplifiedColor: "red", PixelPercent: 25 },
  ]);
});

test("the number of colours has a maximum", () => {
  assert.deepEqual([0, 1, 2].map((max) => imageProperties(redOnWhite, [], max).DominantColors?.length), [0, 1, 2]);
});

test("the boxes of objects are the foreground, and the rest is the background", () => {
  const { Foreground, Background } = imageProperties(redOnWhite, [RED_BOX], 10);
  assert.deepEqual([Foreground, Background].map((region) => region?.DominantColors.map(({ CSSColor }) => CSSColor)), [["red"], ["white"]]);
});

test("an image without objects has no foreground, and one that an object fills has no background", () => {
  assert.equal(imageProperties(redOnWhite, [], 10).Foreground, undefined);
  assert.equal(imageProperties(redOnWhite, [{ Left: 0, Top: 0, Width: 1, Height: 1 }], 10).Background, undefined);
});

test("the colours of a box are those of its pixels", () => {
  assert.deepEqual(colorsOfBox(redOnWhite, RED_BOX, 10).map(({ CSSColor, PixelPercent }) => [CSSColor, PixelPercent]), [["red", 100]]);
});

/** @param {ReturnType<typeof thumbnail>} image */
const qualityOf = (image) => /** @type {import("../src/types.js").ImageQuality} */ (imageProperties(image, [], 10).Quality);

test("white is bright, black is dark, and both have no contrast and no sharpness", () => {
  const [white, black] = [WHITE, BLACK].map((color) => qualityOf(thumbnail(() => color)));
  assert.ok(Math.abs(white.Brightness - 100) < 1e-6);
  assert.equal(black.Brightness, 0);
  assert.deepEqual([black.Contrast, black.Sharpness], [0, 0]);
});

test("hard edges are sharper than a gradient, and a chequerboard has the highest contrast", () => {
  const chequerboard = qualityOf(thumbnail((x, y) => ((x + y) % 2 ? WHITE : BLACK)));
  const gradient = qualityOf(thumbnail((x) => [x, x, x].map((step) => 30 * step)));
  assert.ok(chequerboard.Sharpness > 99 && gradient.Sharpness < chequerboard.Sharpness);
  assert.ok(Math.abs(chequerboard.Contrast - 100) < 1e-6 && gradient.Contrast < chequerboard.Contrast);
});
