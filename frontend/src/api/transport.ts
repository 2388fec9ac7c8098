import { errorInfo, ScanError } from "../core/errors";

export interface HttpResponse {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | null;
  readonly preferenceApplied?: string | null;
}

export interface HttpRequest {
  readonly method: "POST" | "PUT";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Blob;
  /** Receives the fraction sent so far (0 to 1). */
  readonly onProgress?: (sent: number) => void;
}

const RESPONSE_TIMEOUT_MS = 30_000;
/** The timeout of an upload allows for this throughput. A slower connection times out. */
const MIN_BYTES_PER_MS = 20;

/** @throws ScanError if there is no response, or the reason of the signal when it is aborted */
export async function sendWithoutBody(
  method: "GET" | "DELETE",
  url: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const withTimeout = AbortSignal.any([signal, AbortSignal.timeout(RESPONSE_TIMEOUT_MS)]);
  try {
    const response = await fetch(url, { method, headers, signal: withTimeout, cache: "no-store", credentials: "omit" });
    return toResponse(response.status, await response.text(), (name) => response.headers.get(name));
  } catch (cause) {
    signal.throwIfAborted();
    throw networkError({ cause });
  }
}

/**
 * Send a request with a body. Uses XMLHttpRequest because fetch does not report upload progress.
 *
 * @throws ScanError if there is no response, or the reason of the signal when it is aborted
 */
export function send(url: string, { method, headers, body, onProgress }: HttpRequest, signal: AbortSignal) {
  return new Promise<HttpResponse>((resolve, reject) => {
    signal.throwIfAborted();
    const xhr = new XMLHttpRequest();
    xhr.open(method, url);
    xhr.timeout = RESPONSE_TIMEOUT_MS + sizeOf(body) / MIN_BYTES_PER_MS;
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    if (onProgress) xhr.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0);
    xhr.onload = () => resolve(toResponse(xhr.status, xhr.responseText, (name) => xhr.getResponseHeader(name)));
    xhr.onerror = xhr.ontimeout = () => reject(networkError());
    xhr.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => xhr.abort(), { once: true });
    xhr.send(body);
  });
}

function sizeOf(body: string | Blob): number {
  return typeof body === "string" ? body.length : body.size;
}

function toResponse(status: number, text: string, header: (name: string) => string | null): HttpResponse {
  return { status, text, retryAfter: header("Retry-After"), preferenceApplied: header("Preference-Applied") };
}

function networkError(options?: ErrorOptions): ScanError {
  const info = navigator.onLine
    ? errorInfo("unavailable", "The service is unreachable. Check your connection and try again.")
    : errorInfo("offline", "No internet connection.");
  return new ScanError(info, null, options);
}
