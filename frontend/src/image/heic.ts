import type { HeicReply } from "./heic-worker";
import workerUrl from "./heic-worker?worker&url";

/** Decode a HEIC image in a worker, because that takes seconds. @throws Error if it cannot be decoded */
export function decodeWithLibheif(bytes: ArrayBuffer): Promise<ImageData> {
  const worker = new Worker(trustedUrl(workerUrl), { type: "module" });
  const decoded = new Promise<ImageData>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<HeicReply>) =>
      "error" in data ? reject(new Error(data.error)) : resolve(new ImageData(data.pixels, data.width, data.height));
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(bytes, [bytes]);
  });
  return decoded.finally(() => worker.terminate());
}

interface TrustedTypes {
  createPolicy(name: string, rules: object): { createScriptURL(url: string): URL };
}

/** The content security policy requires trusted types for the URLs of scripts. */
function trustedUrl(url: string): string | URL {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  policy ??= trustedTypes?.createPolicy("imagescan-worker", { createScriptURL: () => workerUrl }) ?? null;
  return policy?.createScriptURL(url) ?? url;
}

let policy: ReturnType<TrustedTypes["createPolicy"]> | null = null;
