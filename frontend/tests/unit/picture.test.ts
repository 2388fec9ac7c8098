import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { accepted, MOST_BYTES, MOST_POSTED_BYTES } from "../../src/picture/check";
import { readHeader } from "../../src/picture/header";
import { ScanProblem } from "../../src/scan/problem";

function png(width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(33);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
  new DataView(bytes.buffer).setUint32(16, width);
  new DataView(bytes.buffer).setUint32(20, height);
  return bytes;
}

const frame = (marker: number, width: number, height: number) => [
  0xff,
  marker,
  0,
  17,
  8,
  height >> 8,
  height & 255,
  width >> 8,
  width & 255,
  3,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
];
const segment = (marker: number, length: number) => [
  0xff,
  marker,
  length >> 8,
  length & 255,
  ...Array(length - 2).fill(0),
];
const jpeg = (...parts: number[][]) => new Uint8Array([0xff, 0xd8, ...parts.flat()]);

describe("the header of a picture", () => {
  it.each([
    ["a PNG", png(640, 480), { type: "image/png", width: 640, height: 480 }],
    ["a plain JPEG", jpeg(segment(0xe0, 16), frame(0xc0, 640, 480)), { type: "image/jpeg", width: 640, height: 480 }],
    [
      "a progressive JPEG",
      jpeg(segment(0xe0, 16), frame(0xc2, 640, 480)),
      { type: "image/jpeg", width: 640, height: 480 },
    ],
    [
      "a JPEG with its tables first",
      jpeg(segment(0xc4, 30), segment(0xdb, 67), frame(0xc0, 300, 200)),
      { type: "image/jpeg", width: 300, height: 200 },
    ],
    [
      "a JPEG with much metadata",
      jpeg(segment(0xe1, 60_000), frame(0xc0, 300, 200)),
      { type: "image/jpeg", width: 300, height: 200 },
    ],
    [
      "a JPEG with filling",
      jpeg(segment(0xe0, 16), [0xff, 0xff], frame(0xc0, 300, 200)),
      { type: "image/jpeg", width: 300, height: 200 },
    ],
    ["text", new TextEncoder().encode("This is a cat. Believe me."), null],
    ["nothing", new Uint8Array(), null],
    ["a PNG that is cut off", png(640, 480).slice(0, 20), null],
    ["a JPEG that is cut off", jpeg(segment(0xe0, 16)), null],
    ["a JPEG that goes astray", jpeg(segment(0xe0, 16), Array(40).fill(1)), null],
  ])("of %s is read", (_, bytes, header) => {
    expect(readHeader(bytes)).toEqual(header);
  });

  it("is read from a real picture", () => {
    const bytes = readFileSync(new URL("../../../samples/cat.jpg", import.meta.url));
    expect(readHeader(bytes)).toEqual({ type: "image/jpeg", width: 451, height: 300 });
  });
});

describe("what is refused before it is sent", () => {
  it.each([
    ["what is no picture", new Uint8Array(100), 100, "refused", /JPEG or PNG/],
    ["too many bytes", png(640, 480), MOST_BYTES + 1, "too_large", /15\.8 MB; 15\.7 MB are the most/],
    ["too many pixels", png(10_001, 480), 100, "too_large", /10001 × 480.*10,000 at most/],
    ["too few pixels", png(640, 79), 100, "refused", /640 × 79.*at least 80/],
  ])("%s", (_, head, size, kind, message) => {
    const refusal = refusalOf(head, size);
    expect(refusal.problem).toMatchObject({ kind, passing: false });
    expect(refusal.message).toMatch(message);
  });

  it.each([
    [80, 80],
    [10_000, 10_000],
  ])("but not %i × %i pixels, nor the most bytes", (width, height) => {
    expect(accepted(png(width, height), MOST_BYTES, MOST_BYTES)).toEqual({ type: "image/png", width, height });
  });
});

it("less is taken where the bytes go with the question", () => {
  expect(() => accepted(png(640, 480), MOST_POSTED_BYTES + 1, MOST_POSTED_BYTES)).toThrow(/4\.6 MB; 4\.5 MB are/);
});

function refusalOf(head: Uint8Array, size: number): ScanProblem {
  try {
    accepted(head, size, MOST_BYTES);
  } catch (error) {
    if (error instanceof ScanProblem) return error;
    throw error;
  }
  throw new Error("The picture was not refused.");
}
