/**
 * Removal of metadata from JPEG and PNG files, without decoding a pixel.
 *
 * What remains is what decoders need for the pixels: tables, scans, colour profile, transparency and orientation. The
 * command line removes the same parts and gets the same bytes (`cli/imagescan_cli/metadata.py`).
 */

type Bytes = Uint8Array<ArrayBuffer>;

/** The structure of a file is invalid or ambiguous, so it is uncertain what is metadata. The message says why. */
export class MetadataError extends Error {}

/**
 * Return a JPEG or PNG file without metadata. Its pixels, upright for JPEG, and its content hash stay the same. A second
 * removal changes nothing.
 *
 * @throws MetadataError if the file is invalid or ambiguous
 */
export function removeMetadata(file: Bytes): Bytes {
  if (startsWith(file, [0xff, 0xd8])) return concat(cleanJpeg(file));
  if (startsWith(file, PNG_SIGNATURE)) return concat(cleanPng(file));
  throw new MetadataError("the file is not a JPEG or PNG image");
}

const MARKER = 0xff;
const ESCAPED = 0x00;
const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;
/** Those that common decoders support. */
const FRAMES = [0xc0, 0xc1, 0xc2, 0xc9, 0xca];
/** The others are DHT, DAC, DQT and DRI. */
const IMAGE = [...FRAMES, START_OF_SCAN, 0xc4, 0xcc, 0xdb, 0xdd];

const APP1 = 0xe1;
/** Width and height of the thumbnail follow, one byte each. */
const JFIF_WITHOUT_THUMBNAIL = 12;
const ICC_NAME_BYTES = 12;
const EXIF_HEADER = [0x45, 0x78, 0x69, 0x66, 0, 0];
const LITTLE_ENDIAN = [0x49, 0x49, 42, 0];
const BIG_ENDIAN = [0x4d, 0x4d, 0, 42];
const TIFF_HEADER_BYTES = 8;
const TIFF_ENTRY_BYTES = 12;
const TIFF_POINTER_BYTES = 4;
/** The bytes of a value of each type. There is no type 0. */
const TIFF_TYPE_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4];
const ORIENTATION = 0x0112;
const SHORT = 3;
const UPRIGHT = 1;
const HIGHEST_ORIENTATION = 8;
/** The number is missing if an orientation is stated in an unusual way. */
const XMP_ORIENTATION = /(?<!<\/)tiff:Orientation(?:[ \t\r\n]*(?:=[ \t\r\n]*["']|>)[ \t\r\n]*([0-9]+))?/g;

/** A segment of a JPEG file: its payload, and all of its bytes with the scan data that follows. */
interface Segment {
  readonly marker: number;
  readonly payload: Bytes;
  readonly content: Bytes;
}

/** Metadata of a JPEG file that decoders use: its marker, a pattern, and its valid form. */
const KINDS = {
  JFIF: { marker: 0xe0, pattern: /^JFIF/, valid: /^JFIF\0.{9}/s },
  EXIF: { marker: APP1, pattern: /^.{0,6}exif/is, valid: /^Exif\0\0/ },
  ICC: { marker: 0xe2, pattern: /^ICC_PROFILE/, valid: /^ICC_PROFILE\0.{2}/s },
  ADOBE: { marker: 0xee, pattern: /^Adobe/, valid: /^Adobe.{7}$/s },
};
type Kind = keyof typeof KINDS;

const UNSUPPORTED_FORMATS = {
  SPIFF: { marker: 0xe8, pattern: /^SPIFF/ },
  // A field of interlaced video.
  AVI1: { marker: 0xe0, pattern: /^AVI1/ },
  // Signatures of the origin have the same marker.
  "JPEG XT": { marker: 0xeb, pattern: /^(?!.{12}jumb)/s },
};

/** The longest part of a payload that the patterns read. */
const PATTERN_BYTES = 16;

function matches({ payload }: Segment, pattern: RegExp): boolean {
  return pattern.test(latin1(payload.subarray(0, PATTERN_BYTES)));
}

/** Check whether a segment has a kind. Its data may be invalid. */
function isA(segment: Segment, kind: Kind): boolean {
  return segment.marker === KINDS[kind].marker && matches(segment, KINDS[kind].pattern);
}

function cleanJpeg(file: Bytes): Bytes[] {
  const segments = readSegments(file);
  requireImage(segments);
  requireIccProfile(segments);
  const orientation = readOrientation(segments);
  const kept = segments.flatMap((segment) => cleanSegment(segment, orientation));
  return [new Uint8Array([MARKER, 0xd8]), ...kept, new Uint8Array([MARKER, END_OF_IMAGE])];
}

function cleanSegment(segment: Segment, orientation: number): Bytes[] {
  const { marker, payload, content } = segment;
  if (IMAGE.includes(marker) || isA(segment, "ICC") || isA(segment, "ADOBE")) return [content];
  if (isA(segment, "JFIF")) return [createSegment(marker, [...payload.subarray(0, JFIF_WITHOUT_THUMBNAIL), 0, 0])];
  if (isA(segment, "EXIF") && orientation !== UPRIGHT) return [createSegment(marker, createExif(orientation))];
  return [];
}

/** Return the segments up to the end of the image. */
function readSegments(file: Bytes): Segment[] {
  const segments: Segment[] = [];
  const view = viewOf(file);
  let at = 2;
  for (let marker = readMarker(file, at); marker !== END_OF_IMAGE; marker = readMarker(file, at)) {
    const length = at + 4 <= file.length ? view.getUint16(at + 2) : Number.POSITIVE_INFINITY;
    const end = at + 2 + length;
    if (end > file.length) throw new MetadataError("the file is truncated");
    if (length < 2) throw new MetadataError("a segment has an invalid length");
    const next = marker === START_OF_SCAN ? endOfScan(file, end) : end;
    segments.push({ marker, payload: file.subarray(at + 4, end), content: file.subarray(at, next) });
    at = next;
  }
  return segments;
}

function readMarker(file: Bytes, at: number): number {
  const [prefix, marker] = [file[at], file[at + 1]];
  if (prefix === undefined || marker === undefined) throw new MetadataError("the file is truncated");
  if (prefix !== MARKER || marker === MARKER) throw new MetadataError("the file contains stray bytes between segments");
  if (!IMAGE.includes(marker) && !isMetadata(marker) && marker !== END_OF_IMAGE)
    throw new MetadataError(
      `the file contains an unsupported segment (FF${marker.toString(16).toUpperCase().padStart(2, "0")})`,
    );
  return marker;
}

/** APP0 to APP15, and COM. */
function isMetadata(marker: number): boolean {
  return (marker >= 0xe0 && marker <= 0xef) || marker === 0xfe;
}

/** Find the next marker that is neither an escaped byte nor RST0 to RST7. */
function endOfScan(file: Bytes, start: number): number {
  for (let at = file.indexOf(MARKER, start); at >= 0; at = file.indexOf(MARKER, at + 2)) {
    const next = file[at + 1];
    if (next === undefined) break;
    if (next !== ESCAPED && (next < 0xd0 || next > 0xd7)) return at;
  }
  throw new MetadataError("the file is truncated");
}

/** Require one frame, scans after it, and before them valid metadata. */
function requireImage(segments: readonly Segment[]): void {
  const firstScan = segments.findIndex(({ marker }) => marker === START_OF_SCAN);
  const frames = segments.flatMap(({ marker }, index) => (FRAMES.includes(marker) ? [index] : []));
  if (frames.length !== 1 || (frames[0] as number) > firstScan)
    throw new MetadataError("the file does not consist of one frame and its scans");
  for (const [name, { marker, pattern }] of Object.entries(UNSUPPORTED_FORMATS))
    if (segments.some((segment) => segment.marker === marker && matches(segment, pattern)))
      throw new MetadataError(`the file has the unsupported format ${name}`);
  for (const kind of Object.keys(KINDS) as Kind[]) {
    const found = ofKind(segments, kind);
    if (ofKind(segments.slice(firstScan), kind).length)
      throw new MetadataError(`the file contains ${kind} data after the first scan`);
    if (kind !== "ICC" && found.length > 1) throw new MetadataError(`the file contains ${kind} data twice`);
    if (!found.every((segment) => matches(segment, KINDS[kind].valid)))
      throw new MetadataError(`the ${kind} data is invalid`);
  }
}

function ofKind(segments: readonly Segment[], kind: Kind): Segment[] {
  return segments.filter((segment) => isA(segment, kind));
}

/** Require all parts of the colour profile, in order. */
function requireIccProfile(segments: readonly Segment[]): void {
  const parts = ofKind(segments, "ICC").map(({ payload }) => payload.subarray(ICC_NAME_BYTES));
  if (parts.some(([number, count], index) => number !== index + 1 || count !== parts.length))
    throw new MetadataError("the ICC data is incomplete or not in order");
}

/** Return the orientation, or 1 if it is unknown. Some decoders read it from XMP data, which must agree. */
function readOrientation(segments: readonly Segment[]): number {
  const [exif] = ofKind(segments, "EXIF");
  const orientation = exif ? readExifOrientation(exif.payload.subarray(EXIF_HEADER.length)) : UPRIGHT;
  const xmp = segments.filter((segment) => segment.marker === APP1 && !isA(segment, "EXIF"));
  // UTF-16 has NUL bytes.
  const stated = latin1(concat(xmp.map(({ payload }) => payload))).replaceAll("\0", "");
  if ([...stated.matchAll(XMP_ORIENTATION)].some(([, digits]) => digits !== String(orientation)))
    throw new MetadataError("the EXIF and XMP data state different orientations");
  return orientation;
}

/** Return the orientation. Some decoders read that of the thumbnail if the first directory states none. */
function readExifOrientation(tiff: Bytes): number {
  const isLittle = startsWith(tiff, LITTLE_ENDIAN);
  if (!(isLittle || startsWith(tiff, BIG_ENDIAN)) || tiff.length < TIFF_HEADER_BYTES)
    throw new MetadataError("the EXIF data is invalid");
  const { orientation, next } = readDirectory(tiff, viewOf(tiff).getUint32(4, isLittle), isLittle);
  if (orientation === null && next) {
    const thumbnail = readDirectory(tiff, next, isLittle);
    if (thumbnail.orientation !== null && thumbnail.orientation !== UPRIGHT)
      throw new MetadataError("the EXIF data states the orientation of the thumbnail only");
  }
  const isKnown = orientation !== null && orientation >= UPRIGHT && orientation <= HIGHEST_ORIENTATION;
  return isKnown ? orientation : UPRIGHT;
}

/** Return the orientation in an EXIF directory, or null, and the position of the next directory, or 0. */
function readDirectory(tiff: Bytes, at: number, isLittle: boolean) {
  const view = viewOf(tiff);
  const count = at + 2 <= tiff.length ? view.getUint16(at, isLittle) : 0;
  const end = at + 2 + TIFF_ENTRY_BYTES * count;
  if (at < TIFF_HEADER_BYTES || tiff.length < end + TIFF_POINTER_BYTES)
    throw new MetadataError("the EXIF data is invalid");
  const entries = Array.from({ length: count }, (_, index) =>
    readEntry(view, at + 2 + TIFF_ENTRY_BYTES * index, isLittle),
  );
  const found = entries.filter(({ tag }) => tag === ORIENTATION);
  if (found.length > 1 || found.some(({ type, count }) => type !== SHORT || count !== 1))
    throw new MetadataError("the EXIF data is invalid");
  return { orientation: found[0]?.short ?? null, next: view.getUint32(end, isLittle) };
}

/** Return an entry. Reject an unknown type and a value outside the data, at which some decoders stop reading. */
function readEntry(view: DataView, at: number, isLittle: boolean) {
  const type = view.getUint16(at + 2, isLittle);
  const count = view.getUint32(at + 4, isLittle);
  const size = (TIFF_TYPE_BYTES[type] ?? 0) * count;
  const isOutside = size > TIFF_POINTER_BYTES && view.getUint32(at + 8, isLittle) + size > view.byteLength;
  if (isOutside || !TIFF_TYPE_BYTES[type]) throw new MetadataError("the EXIF data is invalid");
  return { tag: view.getUint16(at, isLittle), type, count, short: view.getUint16(at + 8, isLittle) };
}

/** Return EXIF data with nothing but an orientation. */
function createExif(orientation: number): number[] {
  const field = [ORIENTATION >> 8, ORIENTATION & 0xff, 0, SHORT, 0, 0, 0, 1, 0, orientation, 0, 0];
  return [...EXIF_HEADER, ...BIG_ENDIAN, 0, 0, 0, 8, 0, 1, ...field, 0, 0, 0, 0];
}

function createSegment(marker: number, payload: readonly number[]): Bytes {
  return new Uint8Array([MARKER, marker, 0, payload.length + 2, ...payload]);
}

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const PNG_HEADER_BYTES = 13;
/** Length, type and checksum. */
const CHUNK_OVERHEAD = 12;
const COLOUR_CHUNKS = ["PLTE", "tRNS", "cHRM", "gAMA", "sRGB", "iCCP", "sBIT", "cICP", "bKGD"];
/** These change how an image of high dynamic range is shown. Drafts of the specification have the other spelling. */
const RANGE_CHUNKS = ["mDCV", "mDCv", "cLLI", "cLLi"];
const SINGLE_CHUNKS = [...COLOUR_CHUNKS, ...RANGE_CHUNKS, "IHDR"];
const KEPT_CHUNKS = [...SINGLE_CHUNKS, "IDAT", "IEND"];

interface Chunk {
  readonly type: string;
  /** All bytes of the chunk. */
  readonly content: Bytes;
}

function cleanPng(file: Bytes): Bytes[] {
  const chunks = readChunks(file);
  requireChunks(chunks);
  const kept = chunks.filter(({ type }) => KEPT_CHUNKS.includes(type));
  return [new Uint8Array(PNG_SIGNATURE), ...kept.map(({ content }) => content)];
}

/** Return the chunks up to the end of the image. */
function readChunks(file: Bytes): Chunk[] {
  const chunks: Chunk[] = [];
  const view = viewOf(file);
  for (let at = PNG_SIGNATURE.length; chunks.at(-1)?.type !== "IEND"; ) {
    const length = at + 4 <= file.length ? view.getUint32(at) : 0;
    const end = at + CHUNK_OVERHEAD + length;
    if (end > file.length) throw new MetadataError("the file is truncated");
    if (crc32(file.subarray(at + 4, end - 4)) !== view.getUint32(end - 4))
      throw new MetadataError("a chunk has a wrong checksum");
    const type = String.fromCharCode(...file.subarray(at + 4, at + 8));
    chunks.push({ type, content: file.subarray(at, end) });
    at = end;
  }
  return chunks;
}

/** Require a header, consecutive image data, an end, and the other chunks that decoders use at most once. */
function requireChunks(chunks: readonly Chunk[]): void {
  const types = chunks.map(({ type }) => type);
  if (types.some((type) => !KEPT_CHUNKS.includes(type) && !/^[a-z][A-Za-z]{3}$/.test(type)))
    throw new MetadataError("the file contains an unknown critical chunk");
  if (types[0] !== "IHDR" || chunks[0]?.content.length !== CHUNK_OVERHEAD + PNG_HEADER_BYTES)
    throw new MetadataError("the file does not begin with a valid header");
  if (chunks.at(-1)?.content.length !== CHUNK_OVERHEAD) throw new MetadataError("the last chunk contains data");
  const first = types.indexOf("IDAT");
  const images = types.filter((type) => type === "IDAT").length;
  if (first < 0 || types.lastIndexOf("IDAT") !== first + images - 1)
    throw new MetadataError("the image data is missing or interrupted");
  const single = types.filter((type) => SINGLE_CHUNKS.includes(type));
  if (new Set(single).size < single.length || types.slice(first).some((type) => SINGLE_CHUNKS.includes(type)))
    throw new MetadataError("the file contains a chunk twice or after the image data");
}

/** The checksum of each byte, as the PNG specification defines it. */
const CHECKSUMS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let checksum = byte;
  for (let bit = 0; bit < 8; bit++) checksum = checksum & 1 ? 0xedb88320 ^ (checksum >>> 1) : checksum >>> 1;
  return checksum;
});

function crc32(bytes: Bytes): number {
  let checksum = 0xffffffff;
  for (const byte of bytes) checksum = (CHECKSUMS[(checksum ^ byte) & 0xff] as number) ^ (checksum >>> 8);
  return ~checksum >>> 0;
}

function viewOf(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function startsWith(bytes: Uint8Array, prefix: ArrayLike<number>): boolean {
  return Array.from(prefix).every((byte, index) => bytes[index] === byte);
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

function concat(parts: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
