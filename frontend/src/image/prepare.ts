import { errorInfo, ScanError } from "../core/errors";
import { sha256 } from "../core/hash";
import { MAX_BODY_BYTES, MAX_UPLOAD_BYTES, validateImage } from "./validate";

export interface PreparedImage {
  /** The type detected from the bytes. The file name is ignored. */
  readonly type: string;
  /** SHA-256 in hex, or null outside a secure context, where browsers cannot compute it. */
  readonly hash: string | null;
  /** A small upright copy for display and history. */
  readonly preview: Blob;
}

const PREVIEW_SIDE = 1024;

/** Validate, hash and shrink an image. @throws ScanError if the image is unreadable or the API would reject it */
export async function prepareImage(file: Blob): Promise<PreparedImage> {
  const maxBytes = maxImageBytes();
  const bytes = new Uint8Array(await file.slice(0, maxBytes).arrayBuffer());
  const { type } = validateImage(bytes, file.size, maxBytes);
  return { type, hash: isSecureContext ? await sha256(bytes) : null, preview: await createPreview(file) };
}

/** Return the largest accepted size in bytes. A direct upload requires a hash, which requires a secure context. */
export function maxImageBytes(): number {
  return isSecureContext ? MAX_UPLOAD_BYTES : MAX_BODY_BYTES;
}

async function createPreview(file: Blob): Promise<Blob> {
  const bitmap = await decode(file);
  const scale = Math.min(1, PREVIEW_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return toBlob(canvas);
}

async function decode(file: Blob): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch (cause) {
    throw new ScanError(errorInfo("rejected", "The image is corrupt. Re-save it and try again."), null, { cause });
  }
}

function toBlob(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) => {
    // WebP keeps transparency. Browsers that cannot write it produce a PNG.
    canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Error("The preview could not be created."))),
      "image/webp",
      0.85,
    );
  });
}
