import assert from "node:assert/strict";
import { test } from "node:test";
import { boxInPicture, letterbox, overlap } from "../src/geometry.mjs";

const PICTURES = [
  { name: "wide", picture: { width: 1000, height: 500 }, placement: { left: 64, top: 160, width: 384, height: 192 } },
  { name: "tall", picture: { width: 200, height: 800 }, placement: { left: 208, top: 64, width: 96, height: 384 } },
  { name: "square", picture: { width: 80, height: 80 }, placement: { left: 64, top: 64, width: 384, height: 384 } },
  { name: "a line", picture: { width: 10_000, height: 10 }, placement: { left: 64, top: 255, width: 384, height: 1 } },
];

for (const { name, picture, placement } of PICTURES) {
  test(`a ${name} picture lies in the middle of the square with its aspect kept`, () => {
    assert.deepEqual(letterbox(picture, 384, 512), placement);
  });

  test(`a box of the square becomes fractions of a ${name} picture`, () => {
    const { left, top, width, height } = placement;
    const quarter = /** @type {[number, number, number, number]} */ ([left + width / 2, top, left + width, top + height / 2]);
    assert.deepEqual(boxInPicture(quarter, placement), { Left: 0.5, Top: 0, Width: 0.5, Height: 0.5 });
  });
}

test("a box that reaches into the margin ends at the picture's edge", () => {
  const placement = { left: 0, top: 128, width: 512, height: 256 };
  assert.deepEqual(boxInPicture([-10, 100, 600, 256], placement), { Left: 0, Top: 0, Width: 1, Height: 0.5 });
});

const whole = { Left: 0, Top: 0, Width: 1, Height: 1 };
const OVERLAPS = [
  { name: "with itself is whole", other: whole, expected: 1 },
  { name: "with its half is a half", other: { ...whole, Width: 0.5 }, expected: 0.5 },
  { name: "with what only touches it is none", other: { ...whole, Left: 1 }, expected: 0 },
];

for (const { name, other, expected } of OVERLAPS) {
  test(`the overlap of a box ${name}`, () => assert.equal(overlap(whole, other), expected));
}
