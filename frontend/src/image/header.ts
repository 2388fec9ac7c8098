/** The type and dimensions of an image, read from its first bytes, because file names and declared types can be wrong. */

/** Formats that the API accepts. */
export type ApiFormat = "JPEG" | "PNG";
/** Formats that the page converts. */
export type OtherFormat = "WebP" | "AVIF" | "GIF" | "HEIC";

export interface ImageHeader {
  readonly type: "image/jpeg" | "image/png";
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const JPEG = [0xff, 0xd8, 0xff];
/** Every marker starts with this byte. Any number of them may precede a marker. */
const FILL = 0xff;
/** After a fill byte, zero means that this is not a marker. */
const ESCAPED = 0x00;
const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;

const HEIC_BRANDS = ["heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1"];

/** Return the format that the first bytes indicate, or null if it is not supported. */
export function detectFormat(bytes: Uint8Array): ApiFormat | OtherFormat | null {
  if (startsWith(bytes, PNG)) return "PNG";
  if (startsWith(bytes, JPEG)) return "JPEG";
  const text = String.fromCharCode(...bytes.subarray(0, 12));
  if (text.startsWith("GIF8")) return "GIF";
  if (text.startsWith("RIFF") && text.endsWith("WEBP")) return "WebP";
  if (text.slice(4, 8) !== "ftyp") return null;
  if (["avif", "avis"].includes(text.slice(8))) return "AVIF";
  return HEIC_BRANDS.includes(text.slice(8)) ? "HEIC" : null;
}

/** Read the header of a JPEG or PNG. Return null for other formats and for headers that are truncated. */
export function readHeader(bytes: Uint8Array): ImageHeader | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (startsWith(bytes, PNG)) return readPng(bytes, view);
  if (startsWith(bytes, JPEG)) return readJpeg(bytes, view);
  return null;
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}

/** The signature and the complete IHDR chunk. */
const PNG_HEADER_BYTES = 33;
/** The length and the type of the IHDR chunk. */
const IHDR = [0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52];

/** Read the first chunk. Apple's CgBI variant starts with another one, and only Apple's software can read it. */
function readPng(bytes: Uint8Array, view: DataView): ImageHeader | null {
  if (view.byteLength < PNG_HEADER_BYTES || !startsWith(bytes.subarray(PNG.length), IHDR)) return null;
  return nonZero({ type: "image/png", width: view.getUint32(16), height: view.getUint32(20) });
}

function nonZero(header: ImageHeader): ImageHeader | null {
  return header.width > 0 && header.height > 0 ? header : null;
}

/** Walk the segments up to the frame header, in linear time. Thumbnails inside a segment are skipped with it. */
function readJpeg(bytes: Uint8Array, view: DataView): ImageHeader | null {
  let at = 2;
  while (at + 4 <= bytes.length) {
    const marker = bytes[at + 1] as number;
    if (bytes[at] !== FILL) {
      // Decoders skip stray bytes between segments.
      const next = bytes.indexOf(FILL, at);
      if (next < 0) return null;
      at = next;
    } else if (marker === FILL) at += 1;
    else if (marker === ESCAPED || isWithoutSegment(marker)) at += 2;
    else if (isFrame(marker)) return readFrame(view, at);
    else if (marker === START_OF_SCAN || marker === END_OF_IMAGE) return null;
    else at += 2 + Math.max(2, view.getUint16(at + 2));
  }
  return null;
}

function readFrame(view: DataView, at: number): ImageHeader | null {
  if (at + 9 > view.byteLength) return null;
  return nonZero({ type: "image/jpeg", width: view.getUint16(at + 7), height: view.getUint16(at + 5) });
}

/** TEM and RST0 to RST7. */
function isWithoutSegment(marker: number): boolean {
  return marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
}

/** SOF0 to SOF15, except the DHT, JPG and DAC markers in that range. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}
