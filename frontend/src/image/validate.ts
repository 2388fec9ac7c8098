import { type ErrorKind, errorInfo, ScanError } from "../core/errors";
import { type ImageHeader, readHeader } from "./header";
import { formatLimit, MAX_SIDE, MIN_SIDE } from "./limits";

/**
 * Validate a JPEG or PNG before it is sent, and return its header.
 *
 * @param head the first bytes of the file
 * @param size the size of the file in bytes
 * @param maxBytes the largest size allowed
 * @throws ScanError if the API would reject the image. If its kind is "too_large", a smaller copy would be accepted.
 */
export function validateImage(head: Uint8Array, size: number, maxBytes: number): ImageHeader {
  const header = readHeader(head);
  if (header === null) throw error("rejected", UNREADABLE);
  validateSides(header.width, header.height);
  if (size > maxBytes) throw error("too_large", sizeMessage(size, maxBytes));
  return header;
}

export const UNREADABLE = "The image cannot be read. Save it again as JPEG or PNG.";

/** @throws ScanError if an image of this width and height in pixels is too small or too large */
export function validateSides(width: number, height: number): void {
  const sides = [width, height];
  if (sides.some((side) => side < MIN_SIDE)) throw error("rejected", dimensionsMessage(width, height));
  if (sides.some((side) => side > MAX_SIDE)) throw error("too_large", dimensionsMessage(width, height));
}

function error(kind: ErrorKind, message: string): ScanError {
  return new ScanError(errorInfo(kind, message));
}

function dimensionsMessage(width: number, height: number): string {
  const limits = `between ${MIN_SIDE} and ${MAX_SIDE.toLocaleString("en")} pixels`;
  return `The image is ${width} × ${height} pixels. Each side must be ${limits}.`;
}

function sizeMessage(bytes: number, maxBytes: number): string {
  return `The image is ${formatSize(bytes)}. The maximum is ${formatLimit(maxBytes)}.`;
}

/** Format the size of an image, such as "15.8 MB". Rounded up, so that it never equals a limit that it exceeds. */
export function formatSize(bytes: number): string {
  return `${(Math.ceil(bytes / 100_000) / 10).toFixed(1)} MB`;
}
