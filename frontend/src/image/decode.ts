import { errorInfo, ScanError } from "../core/errors";
import { load } from "../core/load";
import type { ApiFormat, OtherFormat } from "./header";
import { withoutExif } from "./png";
import { UNREADABLE } from "./validate";

/** The pixels of an upright image. Close it when it is no longer needed, because it can take 100 MB. */
export interface Decoded {
  readonly source: CanvasImageSource;
  readonly width: number;
  readonly height: number;
  readonly close: () => void;
}

/** Decode an image as the service shows it to Rekognition. @throws ScanError if it cannot be read */
export async function decode(file: Blob, format: ApiFormat | OtherFormat): Promise<Decoded> {
  let cause: unknown;
  for (const attempt of DECODERS[format]) {
    try {
      return await attempt(file);
    } catch (error) {
      if (error instanceof ScanError) throw error;
      cause = error;
    }
  }
  throw new ScanError(errorInfo("rejected", UNREADABLE), null, { cause });
}

const DECODERS: Readonly<Record<ApiFormat | OtherFormat, readonly ((file: Blob) => Promise<Decoded>)[]>> = {
  JPEG: [decodeBitmap, decodeElement],
  PNG: [async (file) => decodeBitmap(withoutExif(new Uint8Array(await file.arrayBuffer())))],
  WebP: [decodeBitmap],
  AVIF: [decodeBitmap],
  GIF: [decodeBitmap],
  HEIC: [decodeBitmap, decodeHeic],
};

/** Decode an image upright, according to its EXIF orientation. */
async function decodeBitmap(file: ImageBitmapSource): Promise<Decoded> {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  return { source: bitmap, width: bitmap.width, height: bitmap.height, close: () => bitmap.close() };
}

/** Decode with an element, which also shows images that end early. */
async function decodeElement(file: Blob): Promise<Decoded> {
  const url = URL.createObjectURL(file);
  const close = () => URL.revokeObjectURL(url);
  const image = new Image();
  try {
    await new Promise((resolve, reject) => {
      image.onload = resolve;
      image.onerror = () => reject(new Error("The browser cannot decode the image."));
      image.src = url;
    });
  } catch (error) {
    close();
    throw error;
  }
  return { source: image, width: image.naturalWidth, height: image.naturalHeight, close };
}

/** Decode with libheif, which is loaded only if the browser cannot decode HEIC itself. */
async function decodeHeic(file: Blob): Promise<Decoded> {
  const { decodeWithLibheif } = await load(import("./heic"));
  return decodeBitmap(await decodeWithLibheif(await file.arrayBuffer()));
}
