import { drawScaled, toBlob } from "./canvas";
import type { Decoded } from "./decode";
import { MIN_SIDE } from "./limits";
import { formatSize, validateSides } from "./validate";

export interface Converted {
  readonly file: Blob;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/** Larger images do not improve the result. Mobile browsers have no larger canvases. */
const MAX_CONVERTED_SIDE = 4_096;
const QUALITY = 0.92;
const SHRINK = 0.7;

/**
 * Convert an image to a JPEG that the API accepts. Transparent parts become white.
 *
 * @throws ScanError if a side is too small or too large even then
 */
export async function convert({ source, width, height }: Decoded, maxBytes: number): Promise<Converted> {
  for (let scale = initialScale(width, height); ; scale *= SHRINK) {
    const size = { width: Math.round(width * scale), height: Math.round(height * scale) };
    validateSides(size.width, size.height);
    const file = await toBlob(drawScaled(source, size.width, size.height, "white"), "image/jpeg", QUALITY);
    if (file.size <= maxBytes) return { ...size, file };
  }
}

/** Scale the longer side down, but not so far that the shorter one becomes too small. */
export function initialScale(width: number, height: number): number {
  const wanted = Math.min(1, MAX_CONVERTED_SIDE / Math.max(width, height));
  const smallest = Math.min(1, MIN_SIDE / Math.min(width, height));
  return Math.max(wanted, smallest);
}

/** State what was converted, such as "Converted from HEIC to JPEG and scaled from 5,000 × 4,000 to 4,096 × 3,277 pixels." */
export function conversionNote(
  format: string,
  original: Decoded,
  bytes: number,
  { file, width, height }: Converted,
): string {
  const isScaled = width !== original.width || height !== original.height;
  const steps = [
    format === "JPEG" ? null : `converted from ${format} to JPEG`,
    isScaled ? `scaled from ${formatPixels(original)} to ${formatPixels({ width, height })} pixels` : null,
    format === "JPEG" && !isScaled ? `reduced from ${formatSize(bytes)} to ${formatSize(file.size)}` : null,
  ].filter((step) => step !== null);
  return `Before the scan, the image was ${steps.join(" and ")}.`;
}

function formatPixels({ width, height }: { width: number; height: number }): string {
  return `${width.toLocaleString("en")} × ${height.toLocaleString("en")}`;
}
