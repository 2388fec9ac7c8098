import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

const QUANTIZATION_TABLES = 0xdb;
/** The samples use tables 0 and 1. */
const UNUSED_TABLE = 3;
const NEW_COLOURS = 8;
const MAX_COLOURS = 256;
const GREY = [0, 4];

/**
 * Return a sample image with other content and the same pixels: a JPEG with a random quantisation table, or a PNG with
 * random colours in its palette, which no pixel uses.
 */
export function withNewContent(image: Buffer): Buffer {
  return image.readUInt16BE() === 0xffd8 ? withTable(image) : withColours(image);
}

/** Add a quantisation table after the first segment of a JPEG. */
function withTable(jpeg: Buffer): Buffer {
  const at = 4 + jpeg.readUInt16BE(4);
  const table = randomBytes(64).map((value) => value || 1);
  const head = [0xff, QUANTIZATION_TABLES, 0, 3 + table.length, UNUSED_TABLE];
  return Buffer.concat([jpeg.subarray(0, at), Buffer.from(head), table, jpeg.subarray(at)]);
}

/** Add colours to the palette of a PNG. It is only a suggestion if the pixels do not refer to it. */
function withColours(png: Buffer): Buffer {
  const palette = findChunk(png, "PLTE");
  const at = palette?.start ?? findChunk(png, "IDAT")?.start;
  const colours = Buffer.concat([palette?.data ?? Buffer.alloc(0), randomBytes(3 * NEW_COLOURS)]);
  const colourType = png.readUInt8(25);
  if (at === undefined || GREY.includes(colourType) || colours.length > 3 * MAX_COLOURS)
    throw new Error("The PNG has no palette or no room in it. Choose another sample.");
  return Buffer.concat([png.subarray(0, at), chunk("PLTE", colours), png.subarray(palette?.end ?? at)]);
}

interface Chunk {
  readonly start: number;
  readonly end: number;
  readonly data: Buffer;
}

/** Find the first chunk with a name. */
function findChunk(png: Buffer, name: string): Chunk | undefined {
  for (let start = 8; start < png.length; ) {
    const end = start + 12 + png.readUInt32BE(start);
    if (png.toString("latin1", start + 4, start + 8) === name)
      return { start, end, data: png.subarray(start + 8, end - 4) };
    start = end;
  }
  return undefined;
}

function chunk(name: string, data: Buffer): Buffer {
  const content = Buffer.concat([Buffer.from(name), data]);
  const numbers = Buffer.alloc(8);
  numbers.writeUInt32BE(data.length);
  numbers.writeUInt32BE(crc32(content), 4);
  return Buffer.concat([numbers.subarray(0, 4), content, numbers.subarray(4)]);
}
