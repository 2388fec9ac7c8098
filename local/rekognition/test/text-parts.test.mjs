/** @import { Point } from "../src/text/text.js" */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, lineOf } from "../src/text/characters.mjs";
import { cropRotated } from "../src/text/crop.mjs";
import { convexHull, expand, smallestRectangle } from "../src/text/rectangles.mjs";
import { textRegions } from "../src/text/regions.mjs";

const CLASSES = ["", "a", "b", " "];
const STEP = { "-": 0, a: 1, b: 2, _: 3 };

/** Output of the recognition model: one class per step, with a probability of 0.9. @param {string} steps */
const output = (steps) =>
  Float32Array.from([...steps].flatMap((step) => CLASSES.map((_, index) => (index === STEP[/** @type {"-"} */ (step)] ? 0.9 : 0.03))));
/** @param {string} steps */
const textOf = (steps) => decode(output(steps), CLASSES).map(({ character }) => character).join("");

test("repetitions of a character count once, unless a gap separates them", () => {
  assert.equal(textOf("-aa-a-bbb-"), "aab");
  assert.equal(textOf("ab_a"), "ab a");
  assert.equal(textOf("----"), "");
});

test("a character lies in the middle of its steps", () => {
  assert.deepEqual(decode(output("-aa-------"), CLASSES).map(({ position }) => position), [0.2]);
  assert.deepEqual(decode(output("--------bb"), CLASSES).map(({ position }) => position), [0.9]);
});

/** @param {string} text @param {number} score */
const characters = (text, score) => [...text].map((character, at) => ({ character, score, position: (at + 0.5) / text.length }));
const CORNERS = /** @type {[Point, Point, Point, Point]} */ ([[0, 0], [1, 0], [1, 0.1], [0, 0.1]]);

test("words fill the line except for the spaces between them", () => {
  const line = lineOf(characters("ab cd", 0.9), CORNERS);
  assert.equal(line?.text, "ab cd");
  const edges = line?.words.map(({ text, corners }) => [text, corners[0][0], corners[1][0]].map((value) => (typeof value === "number" ? Number(value.toFixed(3)) : value)));
  assert.deepEqual(edges, [["ab", 0, 0.433], ["cd", 0.567, 1]]);
});

test("surrounding and repeated spaces belong to no word", () => {
  assert.equal(lineOf(characters(" ab  cd ", 0.9), CORNERS)?.text, "ab cd");
});

/** @type {[text: string, score: number, kept: boolean][]} */
const FILTERED = [["ab", 0.8, true], ["ab", 0.79, false], ["7", 0.99, false], ["42", 0.99, true], ["--*", 0.99, false], ["a.", 0.99, false], ["", 1, false]];

for (const [text, score, kept] of FILTERED) {
  test(`"${text}" with the score ${score} is ${kept ? "kept" : "dropped as a false line"}`, () => {
    assert.equal(lineOf(characters(text, score), CORNERS) !== undefined, kept);
  });
}

/** @param {number} degrees */
const turned = (degrees) => {
  const angle = (degrees * Math.PI) / 180;
  /** @type {Point[]} */
  const points = [[-20, -5], [20, -5], [20, 5], [-20, 5], [0, 0], [3, 2]];
  return points.map(([x, y]) => /** @type {Point} */ ([100 + x * Math.cos(angle) - y * Math.sin(angle), 100 + x * Math.sin(angle) + y * Math.cos(angle)]));
};

for (const [degrees, reads] of [[0, 0], [10, 10], [-30, -30], [44, 44], [80, 80], [-80, -80], [170, -10]]) {
  test(`the smallest rectangle around text turned by ${degrees} degrees is read at ${reads} degrees`, () => {
    const rectangle = smallestRectangle(convexHull(turned(degrees)));
    const [a, b, c] = expand(rectangle, 0);
    const length = (/** @type {Point} */ from, /** @type {Point} */ to) => Number(Math.hypot(to[0] - from[0], to[1] - from[1]).toFixed(6));
    assert.deepEqual([length(a, b), length(b, c)], [40, 10]);
    assert.equal(Math.round((Math.atan2(b[1] - a[1], b[0] - a[0]) * 180) / Math.PI), reads);
  });
}

test("a rectangle grows on all sides by its area divided by its perimeter", () => {
  const corners = expand({ centre: [50, 50], width: 40, height: 10, angle: 0 }, 1.5);
  assert.deepEqual(corners, [[24, 39], [76, 39], [76, 61], [24, 61]]);
});

/** @param {number} width @param {string[]} rows "#": text, "+": weak text */
const map = (width, rows) => ({ width, height: rows.length, data: Float32Array.from([...rows.join("")].map((one) => ({ "#": 0.9, "+": 0.4 })[one] ?? 0)) });

test("connected regions are found from top to bottom, without weak, thin or diagonal neighbors", () => {
  const found = textRegions(
    map(12, [
      "......####..",
      "......####..",
      "###...####..",
      "###.........",
      "###..++++...",
      "....#++++..#",
      "....#++++..#",
    ]),
  );
  assert.equal(found.length, 2);
  const middle = found.map((corners) => [0, 1].map((axis) => corners.reduce((sum, corner) => sum + corner[axis], 0) / 4));
  assert.deepEqual(middle.map((point) => point.map((value) => Number(value.toFixed(6)))), [[8, 1.5], [1.5, 3.5]]);
});

test("a rotated crop reads along its first side", () => {
  const pixels = Uint8Array.from([10, 20, 30, 40].flatMap((value) => [value, value, value]));
  const image = { width: 2, height: 2, pixels, originalWidth: 2, originalHeight: 2 };
  const red = (/** @type {Float32Array} */ crop) => [...crop].filter((_, at) => at % 3 === 0);
  assert.deepEqual(red(cropRotated(image, [[0, 0], [2, 0], [2, 2], [0, 2]], 2, 2)), [10, 20, 30, 40]);
  assert.deepEqual(red(cropRotated(image, [[0, 2], [0, 0], [2, 0], [2, 2]], 2, 2)), [30, 10, 40, 20]);
  assert.deepEqual(red(cropRotated(image, [[0, 0], [2, 0], [2, 2], [0, 2]], 1, 1)), [25]);
});
