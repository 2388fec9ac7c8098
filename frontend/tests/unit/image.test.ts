import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ScanError } from "../../src/core/errors";
import { initialScale } from "../../src/image/convert";
import { detectFormat, readHeader } from "../../src/image/header";
import { MAX_BODY_BYTES, MAX_UPLOAD_BYTES } from "../../src/image/limits";
import { withoutExif } from "../../src/image/png";
import { validateImage } from "../../src/image/validate";

function png(width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(33);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
  new DataView(bytes.buffer).setUint32(16, width);
  new DataView(bytes.buffer).setUint32(20, height);
  return bytes;
}

/** A PNG of Apple's variant. Read as an ordinary PNG, it would have billions of pixels. */
function cgbi(): Uint8Array {
  const bytes = new Uint8Array(60);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 4, 0x43, 0x67, 0x42, 0x49, 0x50, 0, 0x20, 6]);
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
    ["a PNG that starts with a CgBI chunk", cgbi(), null],
    ["a PNG without a width", png(0, 480), null],
    ["a PNG that ends within its header", png(640, 480).slice(0, 32), null],
    ["a JPEG without a height", jpeg(frame(0xc0, 300, 0)), null],
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
    ["an image that cannot be read", cgbi(), 100, "rejected", /^The image cannot be read\. Save it again/],
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

const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

it.each([
  [png(1, 1), "PNG"],
  [jpeg(segment(0xe0, 16)), "JPEG"],
  [ascii("GIF89a......"), "GIF"],
  [ascii("RIFF\0\0\0\0WEBPVP8 "), "WebP"],
  [ascii("\0\0\0\x1cftypavif\0\0\0\0"), "AVIF"],
  [ascii("\0\0\0\x1cftypheic\0\0\0\0"), "HEIC"],
  [ascii("\0\0\0\x1cftypmif1\0\0\0\0"), "HEIC"],
  [ascii("\0\0\0\x1cftypisom\0\0\0\0"), null],
  [ascii("RIFF\0\0\0\0WAVEfmt "), null],
  [ascii("cat"), null],
  [new Uint8Array(), null],
])("a format is detected from the first bytes: %#", (bytes, format) => {
  expect(detectFormat(bytes)).toBe(format);
});

it.each([
  [640, 480, 1],
  [8_192, 4_096, 0.5],
  [20_000, 300, 80 / 300],
  [40_000, 100, 0.8],
])("a converted image of %i × %i pixels is scaled by %d", (width, height, scale) => {
  expect(initialScale(width, height)).toBeCloseTo(scale);
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

it("EXIF data is removed from a PNG, wherever it is", async () => {
  const chunk = (type: string, content: string) => [0, 0, 0, content.length, ...ascii(type + content), 1, 2, 3, 4];
  const signature = [...png(1, 1).slice(0, 8)];
  const [first, data, end] = [chunk("IHDR", "0123456789abc"), chunk("IDAT", "pixels"), chunk("IEND", "")];
  const exif = chunk("eXIf", "MM");
  const without = [...signature, ...first, ...data, ...end];
  for (const bytes of [
    without,
    [...signature, ...first, ...exif, ...data, ...end],
    [...signature, ...first, ...data, ...exif, ...end],
  ])
    expect([...new Uint8Array(await withoutExif(new Uint8Array(bytes)).arrayBuffer())]).toEqual(without);
});
