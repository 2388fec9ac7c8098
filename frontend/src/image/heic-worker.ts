import createLibheif from "libheif-js/libheif/libheif.js";

/** What the worker returns: pixels as RGBA, or the reason why it failed. */
export type HeicReply =
  | { readonly width: number; readonly height: number; readonly pixels: Uint8ClampedArray<ArrayBuffer> }
  | { readonly error: string };

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<ArrayBuffer>) => void;
  postMessage(message: HeicReply, transfer?: Transferable[]): void;
};

scope.onmessage = async ({ data }) => {
  try {
    const decoded = await decode(new Uint8Array(data));
    scope.postMessage(decoded, [decoded.pixels.buffer]);
  } catch (error) {
    scope.postMessage({ error: String(error) });
  }
};

/** Decode the first image of a file. libheif rotates it upright. */
async function decode(bytes: Uint8Array) {
  const { HeifDecoder } = createLibheif();
  const [image] = new HeifDecoder().decode(bytes);
  if (!image) throw new Error("libheif cannot decode the image.");
  const [width, height] = [image.get_width(), image.get_height()];
  const pixels = new Uint8ClampedArray(width * height * 4);
  await new Promise<void>((resolve, reject) =>
    image.display({ data: pixels, width, height }, (shown) =>
      shown ? resolve() : reject(new Error("libheif cannot convert the image.")),
    ),
  );
  return { width, height, pixels };
}
