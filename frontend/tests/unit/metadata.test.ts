import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { MetadataError, removeMetadata } from "../../src/image/metadata";

/** Either the file without metadata, or the error if it cannot be removed. Files are in hex. */
interface Row {
  readonly why: string;
  readonly file: string;
  readonly cleaned?: string;
  readonly error?: string;
}

interface Table {
  readonly files: readonly Row[];
  /** The SHA-256 of each sample without metadata. */
  readonly samples: Readonly<Record<string, string>>;
}

/** The command line is tested with the same table. */
const { files, samples } = JSON.parse(read("tests/data/metadata_removal.json").toString()) as Table;
const cleaned = files.flatMap(({ why, file, cleaned }) => (cleaned === undefined ? [] : { why, file, cleaned }));
const rejected = files.flatMap(({ why, file, error }) => (error === undefined ? [] : { why, file, error }));

function read(path: string): Buffer {
  return readFileSync(new URL(`../../../${path}`, import.meta.url));
}

function clean(hex: string): string {
  return Buffer.from(removeMetadata(new Uint8Array(Buffer.from(hex, "hex")))).toString("hex");
}

describe("without metadata", () => {
  it.each(cleaned)("the bytes are those of the command line: $why", ({ file, cleaned }) => {
    expect(clean(file)).toBe(cleaned);
  });

  it.each(cleaned)("a second removal changes nothing: $why", ({ cleaned }) => {
    expect(clean(cleaned)).toBe(cleaned);
  });

  it.each(Object.entries(samples))("the sample %s has the bytes of the command line", (name, hash) => {
    const bytes = removeMetadata(new Uint8Array(read(`samples/${name}`)));
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(hash);
  });
});

it.each(rejected)("an ambiguous file is rejected: $why", ({ file, error }) => {
  expect(() => clean(file)).toThrow(new MetadataError(error));
});

it("a file in the middle of a buffer is read from its own start", () => {
  const [{ file, cleaned: expected } = { file: "", cleaned: "" }] = cleaned.filter(
    ({ why }) => why === "little-endian EXIF",
  );
  const bytes = new Uint8Array(Buffer.from(`aabbcc${file}dd`, "hex")).subarray(3, 3 + file.length / 2);
  expect(expected).not.toBe("");
  expect(Buffer.from(removeMetadata(bytes)).toString("hex")).toBe(expected);
});
