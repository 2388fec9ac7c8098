import assert from "node:assert/strict";
import { test } from "node:test";
import { boxInImage, letterbox, overlap } from "../src/geometry.mjs";

const IMAGES = [
  { name: "wide", image: { width: 1000, height: 500 }, placement: { left: 64, top: 160, width: 384, height: 192 } },
  { name: "tall", image: { width: 200, height: 800 }, placement: { left: 208, top: 64, width: 96, height: 384 } },
  { name: "square", image: { width: 80, height: 80 }, placement: { left: 64, top: 64, width: 384, height: 384 } },
  { name: "very wide", image: { width: 10_000, height: 10 }, placement: { left: 64, top: 255, width: 384, height: 1 } },
];

for (const { name, image, placement } of IMAGES) {
  test(`a ${name} image is centred in the square with its aspect ratio`, () => {
    assert.deepEqual(letterbox(image, 384, 512), placement);
  });

  test(`a box in the square is converted to fractions of a ${name} image`, () => {
    const { left, top, width, height } = placement;
    const quarter = /** @type {[number, number, number, number]} */ ([left + width / 2, top, left + width, top + height / 2]);
    assert.deepEqual(boxInImage(quarter, placement), { Left: 0.5, Top: 0, Width: 0.5, Height: 0.5 });
  });
}

test("a box that extends into the margin is clipped to the image", () => {
  const placement = { left: 0, top: 128, width: 512, height: 256 };
  assert.deepEqual(boxInImage([-10, 100, 600, 256], placement), { Left: 0, Top: 0, Width: 1, Height: 0.5 });
});

const whole = { Left: 0, Top: 0, Width: 1, Height: 1 };
const OVERLAPS = [
  { name: "with itself is 1", other: whole, expected: 1 },
  { name: "with half of it is 0.5", other: { ...whole, Width: 0.5 }, expected: 0.5 },
  { name: "with an adjacent box is 0", other: { ...whole, Left: 1 }, expected: 0 },
];

for (const { name, other, expected } of OVERLAPS) {
  test(`the overlap of a box ${name}`, () => assert.equal(overlap(whole, other), expected));
}
