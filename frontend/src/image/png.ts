const SIGNATURE_BYTES = 8;
/** Length, type and checksum of a chunk. */
const CHUNK_OVERHEAD = 12;
const EXIF = 0x65584966;
const END = 0x49454e44;

/**
 * Return a PNG without its EXIF data, because browsers would rotate it. Rekognition does not rotate PNGs, so boxes refer
 * to the pixels as they are stored.
 */
export function withoutExif(png: Uint8Array<ArrayBuffer>): Blob {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let start = 0;
  let at = SIGNATURE_BYTES;
  while (at + CHUNK_OVERHEAD <= png.length) {
    const type = view.getUint32(at + 4);
    const next = at + CHUNK_OVERHEAD + view.getUint32(at);
    if (type === EXIF) {
      parts.push(png.subarray(start, at));
      start = next;
    }
    if (type === END) break;
    at = next;
  }
  return new Blob([...parts, png.subarray(start)], { type: "image/png" });
}
