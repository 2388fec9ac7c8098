/** @import { TextDetection, TextRequest } from "../src/types.js" */
/** @import { Corners, TextLine } from "../src/text/text.js" */
import assert from "node:assert/strict";
import { test } from "node:test";
import { textConfidence, textDetectionsOf, validateTextRequest } from "../src/detect-text.mjs";

const IMAGE = { Image: { Bytes: "AAAA" } };

/** @param {number} left @param {number} top @param {number} right @param {number} bottom @returns {Corners} */
const rectangle = (left, top, right, bottom) => [[left, top], [right, top], [right, bottom], [left, bottom]];

/** @param {string} text @param {number} left @param {number} top @param {number} [score] */
const word = (text, left, top, score = 0.99) => ({ text, score, corners: rectangle(left, top, left + 0.2, top + 0.1) });

/** @param {ReturnType<typeof word>[]} words @returns {TextLine} */
const line = (...words) => ({
  text: words.map(({ text }) => text).join(" "),
  score: words.reduce((sum, { score }) => sum + score, 0) / words.length,
  corners: [words[0].corners[0], words[words.length - 1].corners[1], words[words.length - 1].corners[2], words[0].corners[3]],
  words,
});

const LINES = [line(word("SUMMER", 0.1, 0.1), word("SALE", 0.4, 0.1)), line(word("OPEN", 0.1, 0.6, 0.95))];

/** @param {TextRequest["Filters"]} [Filters] @param {TextLine[]} [lines] */
const detect = (Filters, lines = LINES) => textDetectionsOf(lines, { ...IMAGE, Filters });
/** @param {TextDetection[]} detections */
const texts = (detections) => detections.map(({ DetectedText }) => DetectedText);

test("lines come first, then words with the Id of their line as parent", () => {
  const summary = detect().map(({ Id, ParentId, Type, DetectedText }) => [Id, ParentId, Type, DetectedText]);
  assert.deepEqual(summary, [
    [0, undefined, "LINE", "SUMMER SALE"],
    [1, undefined, "LINE", "OPEN"],
    [2, 0, "WORD", "SUMMER"],
    [3, 0, "WORD", "SALE"],
    [4, 1, "WORD", "OPEN"],
  ]);
  assert.ok(!("ParentId" in detect()[0]));
});

test("the bounding box surrounds the polygon, and both end at the edge of the image", () => {
  const tilted = { ...word("EDGE", 0, 0), corners: /** @type {Corners} */ ([[0.5, -0.1], [1.2, 0.3], [1.1, 0.5], [0.4, 0.1]]) };
  const [{ Geometry }] = detect(undefined, [line(tilted)]);
  assert.deepEqual(Geometry.Polygon, [{ X: 0.5, Y: 0 }, { X: 1, Y: 0.3 }, { X: 1, Y: 0.5 }, { X: 0.4, Y: 0.1 }]);
  assert.deepEqual(Geometry.BoundingBox, { Width: 0.6, Height: 0.5, Left: 0.4, Top: 0 });
});

test("confidences increase with the score, from 0 to 100", () => {
  assert.deepEqual([0, 0.5, 1].map(textConfidence), [0, 12.5, 100]);
  assert.ok(textConfidence(0.9) < textConfidence(0.91));
});

test("words below a confidence of 80 are omitted unless the request says otherwise", () => {
  const lines = [line(word("SURE", 0.1, 0.1), word("UNSURE", 0.4, 0.1, 0.9))];
  assert.deepEqual(texts(detect(undefined, lines)), ["SURE UNSURE", "SURE"]);
  assert.deepEqual(texts(detect({ WordFilter: { MinConfidence: 50 } }, lines)), ["SURE UNSURE", "SURE", "UNSURE"]);
});

test("a line without words is omitted, and Ids have no gaps", () => {
  const summary = detect({ WordFilter: { MinConfidence: 90 } }, LINES.toReversed()).map(({ Id, ParentId, DetectedText }) => [Id, ParentId, DetectedText]);
  assert.deepEqual(summary, [[0, undefined, "SUMMER SALE"], [1, 0, "SUMMER"], [2, 0, "SALE"]]);
});

test("words smaller than the minimum height or width are omitted", () => {
  assert.deepEqual(detect({ WordFilter: { MinBoundingBoxHeight: 0.11 } }), []);
  assert.deepEqual(detect({ WordFilter: { MinBoundingBoxWidth: 0.21 } }), []);
  assert.equal(detect({ WordFilter: { MinBoundingBoxHeight: 0.09, MinBoundingBoxWidth: 0.19 } }).length, 5);
});

/** @type {[what: string, regions: NonNullable<TextRequest["Filters"]>["RegionsOfInterest"], words: string[]][]} */
const REGIONS = [
  ["no region includes all words", [], ["SUMMER SALE", "OPEN", "SUMMER", "SALE", "OPEN"]],
  ["a box includes words inside", [{ BoundingBox: { Left: 0, Top: 0.5, Width: 1, Height: 0.5 } }], ["OPEN", "OPEN"]],
  ["a box includes words that are more than half inside", [{ BoundingBox: { Left: 0.19, Top: 0, Width: 0.3, Height: 1 } }], ["SUMMER SALE", "OPEN", "SUMMER", "OPEN"]],
  ["a box does not include words that are less than half inside", [{ BoundingBox: { Left: 0.21, Top: 0, Width: 0.28, Height: 1 } }], []],
  ["several regions include the words of each", [{ BoundingBox: { Left: 0.4, Top: 0, Width: 0.2, Height: 0.3 } }, { BoundingBox: { Left: 0, Top: 0.5, Width: 0.5, Height: 0.5 } }], ["SUMMER SALE", "OPEN", "SALE", "OPEN"]],
  ["a triangle includes words that are more than half inside", [{ Polygon: [{ X: 0, Y: 0 }, { X: 0.6, Y: 0 }, { X: 0, Y: 0.6 }] }], ["SUMMER SALE", "SUMMER"]],
  ["a polygon with a notch does not include the words in it", [{ Polygon: [{ X: 0, Y: 0 }, { X: 0.35, Y: 0 }, { X: 0.35, Y: 0.9 }, { X: 0.65, Y: 0.9 }, { X: 0.65, Y: 0 }, { X: 1, Y: 0 }, { X: 1, Y: 1 }, { X: 0, Y: 1 }] }], ["SUMMER SALE", "OPEN", "SUMMER", "OPEN"]],
  ["a polygon may have its points counterclockwise", [{ Polygon: [{ X: 0, Y: 0.5 }, { X: 0, Y: 1 }, { X: 1, Y: 1 }, { X: 1, Y: 0.5 }] }], ["OPEN", "OPEN"]],
];

for (const [what, RegionsOfInterest, words] of REGIONS) {
  test(`${what}`, () => assert.deepEqual(texts(detect({ RegionsOfInterest })), words));
}

test("a response has at most 100 words", () => {
  const lines = Array.from({ length: 60 }, () => line(word("A", 0.1, 0.1), word("B", 0.4, 0.1)));
  const detections = detect(undefined, lines);
  assert.deepEqual(["LINE", "WORD"].map((type) => detections.filter(({ Type }) => Type === type).length), [50, 100]);
});

const box = { Left: 0, Top: 0, Width: 1, Height: 1 };
const points = (/** @type {number} */ length) => Array.from({ length }, (_, at) => ({ X: at / length, Y: 0.5 }));
const REJECTED = /** @type {[unknown, RegExp][]} */ ([
  [[], /Filters must be an object/],
  [{ WordFilter: 7 }, /WordFilter must be an object/],
  [{ WordFilter: { MinConfidence: 101 } }, /MinConfidence must be between 0 and 100/],
  [{ WordFilter: { MinBoundingBoxHeight: -0.1 } }, /MinBoundingBoxHeight must be between 0 and 1/],
  [{ WordFilter: { MinBoundingBoxWidth: "1" } }, /MinBoundingBoxWidth must be between 0 and 1/],
  [{ RegionsOfInterest: { BoundingBox: box } }, /must be a list of at most 10 regions/],
  [{ RegionsOfInterest: Array(11).fill({ BoundingBox: box }) }, /must be a list of at most 10 regions/],
  [{ RegionsOfInterest: [{}] }, /either BoundingBox or Polygon/],
  [{ RegionsOfInterest: [{ BoundingBox: box, Polygon: points(3) }] }, /either BoundingBox or Polygon/],
  [{ RegionsOfInterest: [{ BoundingBox: { ...box, Width: 1.1 } }] }, /BoundingBox must have Left, Top, Width and Height/],
  [{ RegionsOfInterest: [{ BoundingBox: { Left: 0 } }] }, /BoundingBox must have Left, Top, Width and Height/],
  [{ RegionsOfInterest: [{ Polygon: points(2) }] }, /3 to 10 points/],
  [{ RegionsOfInterest: [{ Polygon: points(11) }] }, /3 to 10 points/],
  [{ RegionsOfInterest: [{ Polygon: [...points(2), { X: 2, Y: 0 }] }] }, /X and Y between 0 and 1/],
]);

for (const [Filters, message] of REJECTED) {
  test(`the filters ${JSON.stringify(Filters).slice(0, 60)} are rejected: ${message.source}`, () => {
    const request = /** @type {TextRequest} */ ({ ...IMAGE, Filters });
    assert.throws(() => validateTextRequest(request), { code: "InvalidParameterException", message });
  });
}

test("10 regions with 10 points each are accepted", () => {
  validateTextRequest({ ...IMAGE, Filters: { WordFilter: { MinConfidence: 0 }, RegionsOfInterest: Array(10).fill({ Polygon: points(10) }) } });
});
