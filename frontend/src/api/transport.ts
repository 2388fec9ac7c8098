import { problem, ScanProblem } from "../scan/problem";

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | null;
}

const SEND_WITHIN = 120_000;
const ANSWER_WITHIN = 30_000;

/** @throws ScanProblem when no answer came; the signal's own reason when it was aborted */
export async function get(url: string, signal: AbortSignal): Promise<Answer> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN)]);
  try {
    const response = await fetch(url, { signal: limited, cache: "no-store", credentials: "omit" });
    return { status: response.status, text: await response.text(), retryAfter: response.headers.get("Retry-After") };
  } catch (cause) {
    signal.throwIfAborted();
    throw unanswered({ cause });
  }
}

/**
 * An XMLHttpRequest, because fetch does not tell how much has been sent.
 *
 * @param onProgress is told fractions, from 0 to 1
 * @throws ScanProblem when no answer came; the signal's own reason when it was aborted
 */
export function post(
  url: string,
  body: string,
  signal: AbortSignal,
  onProgress: (sent: number) => void,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.timeout = SEND_WITHIN;
    request.setRequestHeader("Content-Type", "application/json");
    request.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0);
    request.onload = () => resolve(answerOf(request));
    request.onerror = request.ontimeout = () => reject(unanswered());
    request.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });
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
