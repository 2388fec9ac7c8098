import { problem, ScanProblem } from "../scan/problem";
import { accepted, MOST_BYTES, MOST_POSTED_BYTES } from "./check";

export interface Prepared {
  /** What the bytes are, whatever the file's name says. */
  readonly type: string;
  /** SHA-256 in hex; null where the page is not in a secure context and so cannot compute it. */
  readonly hash: string | null;
  /** The picture, upright and small, for showing it and keeping it. */
  readonly preview: Blob;
}

const PREVIEW_SIDE = 1024;

/** @throws ScanProblem when the service would refuse the picture, or when it cannot be read */
export async function prepare(file: Blob): Promise<Prepared> {
  const most = mostBytes();
  const bytes = new Uint8Array(await file.slice(0, most).arrayBuffer());
  const { type } = accepted(bytes, file.size, most);
  return { type, hash: isSecureContext ? await sha256(bytes) : null, preview: await shrink(file) };
}

/** How large a picture may be: only what has a hash is uploaded, and only a secure context computes one. */
export function mostBytes(): number {
  return isSecureContext ? MOST_BYTES : MOST_POSTED_BYTES;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function shrink(file: Blob): Promise<Blob> {
  const picture = await decode(file);
  const scale = Math.min(1, PREVIEW_SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return toBlob(canvas);
}

async function decode(file: Blob): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch (cause) {
    throw new ScanProblem(problem("refused", "The picture is damaged: it cannot be opened."), null, { cause });
  }
}

function toBlob(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) => {
    // WebP keeps what is transparent; a browser that cannot write it gives a PNG.
    canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Error("The preview could not be made."))),
      "image/webp",
      0.85,
    );
  });
}
