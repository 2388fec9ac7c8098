import { errorInfo, ScanError } from "../core/errors";
import { sha256 } from "../core/hash";
import { load } from "../core/load";
import { drawScaled, toBlob } from "./canvas";
import { type Decoded, decode } from "./decode";
import { type ApiFormat, detectFormat, type OtherFormat } from "./header";
import { maxImageBytes } from "./limits";
import { validateImage } from "./validate";

export interface PreparedImage {
  /** The image to send: the file itself, or a copy that was changed. Its type is detected from the bytes. */
  readonly file: Blob;
  /** What was changed, as a sentence for the user, or null. */
  readonly note: string | null;
  /** SHA-256 in hex, or null outside a secure context, where browsers cannot compute it. */
  readonly hash: string | null;
  /** A small upright copy for display and history. */
  readonly preview: Blob;
}

/**
 * Pixels. The longer side is reduced to the first value. For panoramas, which can be enlarged, the shorter side keeps at
 * least the second value, unless the longer side would exceed the third.
 */
const PREVIEW_SIDE = 1024;
const MIN_PREVIEW_SIDE = 400;
const MAX_PREVIEW_SIDE = 4096;
const KEEP_METADATA = "Save the image again, or clear “Remove metadata” and add it again.";
const UNSUPPORTED = "The file is not an image in a supported format: JPEG, PNG, WebP, AVIF, GIF or HEIC.";

/**
 * Validate, convert if necessary, hash and shrink an image. A conversion removes metadata, too.
 *
 * @throws ScanError if the image cannot be read or accepted, or if its metadata cannot be removed
 */
export async function prepareImage(original: Blob, removesMetadata: boolean): Promise<PreparedImage> {
  const maxBytes = maxImageBytes();
  const head = new Uint8Array(await original.slice(0, maxBytes).arrayBuffer());
  const format = detectFormat(head);
  if (format === null) throw new ScanError(errorInfo("rejected", UNSUPPORTED));
  const needsConversion = requiresConversion(head, original, maxBytes, format);
  const decoded = await decode(original, format);
  try {
    const { file, note } = needsConversion
      ? await convertImage(original, decoded, format)
      : await copyImage(original, format === "PNG" ? "image/png" : "image/jpeg", removesMetadata);
    const hash = isSecureContext ? await sha256(new Uint8Array(await file.arrayBuffer())) : null;
    return { file, note, hash, preview: await createPreview(decoded, format) };
  } finally {
    decoded.close();
  }
}

/** Check whether an image is accepted only after a conversion. @throws ScanError if it is not accepted at all */
function requiresConversion(head: Uint8Array, { size }: Blob, maxBytes: number, format: ApiFormat | OtherFormat) {
  if (format !== "JPEG" && format !== "PNG") return true;
  try {
    validateImage(head, size, maxBytes);
    return false;
  } catch (error) {
    if (error instanceof ScanError && error.info.kind === "too_large") return true;
    throw error;
  }
}

async function convertImage(original: Blob, decoded: Decoded, format: string) {
  const { conversionNote, convert } = await load(import("./convert"));
  const converted = await convert(decoded, maxImageBytes());
  return { file: converted.file, note: conversionNote(format, decoded, original.size, converted) };
}

async function copyImage(original: Blob, type: string, removesMetadata: boolean) {
  const cleaned = removesMetadata ? await withoutMetadata(original) : null;
  const note = cleaned && "Before the scan, metadata was removed from the image.";
  return { file: new Blob([cleaned ?? original], { type }), note };
}

/** Return the bytes of an image without metadata, or null if it has none. @throws ScanError if they are ambiguous */
async function withoutMetadata(original: Blob) {
  const { MetadataError, removeMetadata } = await load(import("./metadata"));
  const bytes = new Uint8Array(await original.arrayBuffer());
  try {
    const cleaned = removeMetadata(bytes);
    return isEqual(cleaned, bytes) ? null : cleaned;
  } catch (cause) {
    if (!(cause instanceof MetadataError)) throw cause;
    const message = `Cannot remove metadata: ${cause.message}. ${KEEP_METADATA}`;
    throw new ScanError(errorInfo("rejected", message), null, { cause });
  }
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

function createPreview({ source, width, height }: Decoded, format: string): Promise<Blob> {
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  const scale = Math.min(1, Math.max(PREVIEW_SIDE / long, Math.min(MIN_PREVIEW_SIDE / short, MAX_PREVIEW_SIDE / long)));
  const canvas = drawScaled(source, Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
  // JPEG is several times as fast. WebP keeps transparency, and browsers that cannot write it produce a PNG.
  const isOpaque = format === "JPEG" || format === "HEIC";
  return toBlob(canvas, isOpaque ? "image/jpeg" : "image/webp", 0.85);
}
