import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ScanError } from "../../src/core/errors";
import { readHeader } from "../../src/image/header";
import { MAX_BODY_BYTES, MAX_UPLOAD_BYTES, validateImage } from "../../src/image/validate";

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

describe("the header of an image", () => {
  it.each([
    ["a PNG", png(640, 480), { type: "image/png", width: 640, height: 480 }],
    [
      "a baseline JPEG",
      jpeg(segment(0xe0, 16), frame(0xc0, 640, 480)),
      { type: "image/jpeg", width: 640, height: 480 },
    ],
    [
      "a progressive JPEG",
      jpeg(segment(0xe0, 16), frame(0xc2, 640, 480)),
      { type: "image/jpeg", width: 640, height: 480 },
    ],
    [
      "a JPEG that starts with its tables",
      jpeg(segment(0xc4, 30), segment(0xdb, 67), frame(0xc0, 300, 200)),
      { type: "image/jpeg", width: 300, height: 200 },
    ],
    [
      "a JPEG with large metadata",
      jpeg(segment(0xe1, 60_000), frame(0xc0, 300, 200)),
      { type: "image/jpeg", width: 300, height: 200 },
    ],
    [
      "a JPEG with fill bytes",
      jpeg(segment(0xe0, 16), [0xff, 0xff], frame(0xc0, 300, 200)),
      { type: "image/jpeg", width: 300, height: 200 },
    ],
    [
      "a JPEG with stray bytes between segments",
      jpeg(segment(0xe0, 16), [0x3f, 0x3f], segment(0xe1, 20), [0, 1, 2], frame(0xc0, 300, 200)),
      { type: "image/jpeg", width: 300, height: 200 },
    ],
    [
      "a JPEG with stray bytes that look like escaped data",
      jpeg(segment(0xe0, 16), [0xff, 0, 0x3f, 0xff, 0], frame(0xc0, 300, 200)),
      { type: "image/jpeg", width: 300, height: 200 },
    ],
    [
      "a JPEG with markers that have no segment",
      jpeg([0xff, 0x01, 0xff, 0xd0, 0xff, 0xd7], frame(0xc0, 300, 200)),
      { type: "image/jpeg", width: 300, height: 200 },
    ],
    [
      "a JPEG with a segment length of zero",
      jpeg([0xff, 0xe0, 0, 0], frame(0xc0, 300, 200)),
      { type: "image/jpeg", width: 300, height: 200 },
    ],
    ["a JPEG whose scan comes before its frame", jpeg(segment(0xda, 12), frame(0xc0, 300, 200)), null],
    ["a JPEG that ends before its frame", jpeg([0xff, 0xd9], frame(0xc0, 300, 200)), null],
    ["a JPEG that ends within its frame", jpeg(frame(0xc0, 300, 200)).slice(0, 10), null],
    ["a JPEG that ends with a marker", jpeg(segment(0xe0, 16), [0xff, 0xe1]), null],
    ["text", new TextEncoder().encode("This is a cat. Believe me."), null],
    ["an empty file", new Uint8Array(), null],
    ["a truncated PNG", png(640, 480).slice(0, 20), null],
    ["a truncated JPEG", jpeg(segment(0xe0, 16)), null],
    ["a JPEG without a marker", jpeg(segment(0xe0, 16), Array(40).fill(1)), null],
  ])("is read from %s", (_, bytes, header) => {
    expect(readHeader(bytes)).toEqual(header);
  });

  it("is read from a real image", () => {
    const bytes = readFileSync(new URL("../../../samples/cat.jpg", import.meta.url));
    expect(readHeader(bytes)).toEqual({ type: "image/jpeg", width: 451, height: 300 });
  });
});

it.each([
  ["fill bytes", [0xff]],
  ["stray bytes", [0x3f]],
  ["escaped bytes", [0xff, 0]],
  ["markers without a segment", [0xff, 0xd0]],
  ["empty segments", [0xff, 0xe0, 0, 0]],
])("15 MB of %s are read in linear time", (_, pattern) => {
  const bytes = new Uint8Array(MAX_UPLOAD_BYTES).map((_, index) => pattern[index % pattern.length] ?? 0);
  bytes.set([0xff, 0xd8, 0xff]);
  const startedAt = performance.now();
  expect(readHeader(bytes)).toBeNull();
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

describe("validation rejects", () => {
  it.each([
    ["a file that is not an image", new Uint8Array(100), 100, "rejected", /JPEG or PNG/],
    ["a file that is too large", png(640, 480), MAX_UPLOAD_BYTES + 1, "too_large", /15\.8 MB\. The maximum is 15 MB/],
    ["too many pixels", png(10_001, 480), 100, "too_large", /10001 × 480 pixels.*between 80 and 10,000 pixels/],
    ["too few pixels", png(640, 79), 100, "rejected", /640 × 79 pixels.*between 80 and 10,000 pixels/],
  ])("%s", (_, head, size, kind, message) => {
    const error = errorOf(head, size);
    expect(error.info).toMatchObject({ kind, retryable: false });
    expect(error.message).toMatch(message);
  });

  it.each([
    [80, 80],
    [10_000, 10_000],
  ])("neither %i × %i pixels nor the maximum size", (width, height) => {
    expect(validateImage(png(width, height), MAX_UPLOAD_BYTES, MAX_UPLOAD_BYTES)).toEqual({
      type: "image/png",
      width,
      height,
    });
  });
});

it("the limit is lower for an image in the request body", () => {
  const validate = () => validateImage(png(640, 480), MAX_BODY_BYTES + 1, MAX_BODY_BYTES);
  expect(validate).toThrow(/4\.6 MB\. The maximum is 4\.5 MB/);
});

function errorOf(head: Uint8Array, size: number): ScanError {
  try {
    validateImage(head, size, MAX_UPLOAD_BYTES);
  } catch (error) {
    if (error instanceof ScanError) return error;
    throw error;
  }
  throw new Error("The image was accepted.");
}
