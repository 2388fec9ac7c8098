import type { Question } from "../scan/machine";
import { retryAfter } from "../scan/pace";
import { problem, problemOfStatus, ScanProblem } from "../scan/problem";
import { isScanRequest, type ScanRequest } from "./contract";
import { type Answer, get, post } from "./transport";

export interface Reply {
  readonly request: ScanRequest;
  /** Milliseconds; null where the service said nothing. */
  readonly retryAfterMs: number | null;
}

export type Ask = (requestId: string, signal: AbortSignal) => Promise<Reply>;
export type Send = (
  file: Blob,
  question: Question,
  signal: AbortSignal,
  onProgress: (sent: number) => void,
) => Promise<Reply>;

/**
 * Both throw ScanProblem for every answer that is not a scan request.
 *
 * @param base the service's address; a file that is sent must bear its true type
 */
export function clientOf(base: string): { ask: Ask; send: Send } {
  const address = `${base.replace(/\/$/, "")}/scanrequest`;
  return {
    ask: async (requestId, signal) => read(await get(`${address}/${encodeURIComponent(requestId)}`, signal)),
    send: async (file, question, signal, onProgress) =>
      read(await post(address, await bodyOf(file, question), signal, onProgress)),
  };
}

async function bodyOf(file: Blob, { label, minConfidence }: Question): Promise<string> {
  const [, base64] = (await dataUrl(file)).split(";base64,");
  return JSON.stringify({ file: base64, fileType: file.type, label, min_confidence: minConfidence });
}

function dataUrl(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(new ScanProblem(problem("refused", "The file can no longer be read.")));
    reader.readAsDataURL(file);
  });
}

/** @throws ScanProblem */
export function read(answer: Answer): Reply {
  const retryAfterMs = retryAfter(answer.retryAfter, Date.now());
  const body = parsed(answer.text);
  if (answer.status >= 200 && answer.status < 300 && isScanRequest(body)) return { request: body, retryAfterMs };
  throw new ScanProblem(problemOfStatus(answer.status, messageOf(body)), retryAfterMs);
}

/** Gateways answer with pages of HTML, too: what is no JSON says nothing. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function messageOf(body: unknown): string | null {
  const message = (body as { message?: unknown } | null)?.message;
  return typeof message === "string" ? message : null;
}
