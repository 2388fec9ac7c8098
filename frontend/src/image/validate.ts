import { type ErrorKind, errorInfo, ScanError } from "../core/errors";
import { type ImageHeader, readHeader } from "./header";

/** The limits of the API: bytes of a direct upload, bytes in a request body, and pixels per side. */
export const MAX_UPLOAD_BYTES = 15 * 1024 * 1024;
export const MAX_BODY_BYTES = 4_500_000;
export const MIN_SIDE = 80;
export const MAX_SIDE = 10_000;

/**
 * Validate an image before it is sent, and return its header.
 *
 * @param head the first bytes of the file
 * @param size the size of the file in bytes
 * @param maxBytes the largest size allowed
 * @throws ScanError if the API would reject the image
 */
export function validateImage(head: Uint8Array, size: number, maxBytes: number): ImageHeader {
  const header = readHeader(head);
  if (header === null) throw error("rejected", "The file is not a JPEG or PNG image.");
  if (size > maxBytes) throw error("too_large", sizeMessage(size, maxBytes));
  const sides = [header.width, header.height];
  if (sides.some((side) => side > MAX_SIDE)) throw error("too_large", dimensionsMessage(header));
  if (sides.some((side) => side < MIN_SIDE)) throw error("rejected", dimensionsMessage(header));
  return header;
}

function error(kind: ErrorKind, message: string): ScanError {
  return new ScanError(errorInfo(kind, message));
}

function dimensionsMessage({ width, height }: ImageHeader): string {
  const limits = `between ${MIN_SIDE} and ${MAX_SIDE.toLocaleString("en")} pixels`;
  return `The image is ${width} × ${height} pixels. Each side must be ${limits}.`;
}

/** The size is rounded up and the limit down, so that an image just over the limit never shows the same number. */
function sizeMessage(bytes: number, maxBytes: number): string {
  return `The image is ${formatMegabytes(bytes, Math.ceil)} MB. The maximum is ${formatMegabytes(maxBytes)} MB.`;
}

/** Format bytes as megabytes with one decimal, such as "4.5". */
export function formatMegabytes(bytes: number, round = Math.floor): string {
  return (round(bytes / 100_000) / 10).toFixed(1);
}
