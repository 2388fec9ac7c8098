import { problem, ScanProblem } from "../scan/problem";

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | null;
}

export interface Message {
  readonly method: "POST" | "PUT";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Blob;
  /** Is told fractions, from 0 to 1. */
  readonly onProgress?: (sent: number) => void;
}

const ANSWER_WITHIN = 30_000;
/** Bytes a millisecond: a connection slower than this counts as none. */
const SLOWEST = 20;

/** @throws ScanProblem when no answer came; the signal's own reason when it was aborted */
export async function get(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN)]);
  try {
    const response = await fetch(url, { headers, signal: limited, cache: "no-store", credentials: "omit" });
    return { status: response.status, text: await response.text(), retryAfter: response.headers.get("Retry-After") };
  } catch (cause) {
    signal.throwIfAborted();
    throw unanswered({ cause });
  }
}

/**
 * An XMLHttpRequest, because fetch does not tell how much has been sent.
 *
 * @throws ScanProblem when no answer came; the signal's own reason when it was aborted
 */
export function send(url: string, message: Message, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const { method, headers, body, onProgress } = message;
    const request = new XMLHttpRequest();
    request.open(method, url);
    request.timeout = ANSWER_WITHIN + sizeOf(body) / SLOWEST;
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    if (onProgress) request.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0);
    request.onload = () => resolve(answerOf(request));
    request.onerror = request.ontimeout = () => reject(unanswered());
    request.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });
}

function sizeOf(body: string | Blob): number {
  return typeof body === "string" ? body.length : body.size;
}

function answerOf(request: XMLHttpRequest): Answer {
  const { status, responseText: text } = request;
  return { status, text, retryAfter: request.getResponseHeader("Retry-After") };
}

function unanswered(options?: ErrorOptions): ScanProblem {
  const why = navigator.onLine
    ? problem("unavailable", "The service cannot be reached. Look whether it runs and whether you have a connection.")
    : problem("offline", "There is no connection at the moment.");
  return new ScanProblem(why, null, options);
}
