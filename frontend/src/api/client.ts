import { retryAfter } from "../scan/pace";
import { problem, problemOfStatus, ScanProblem } from "../scan/problem";
import type { Question } from "../scan/question";
import { isScanRequest, isVerdict, type ScanRequest, type Upload, type Verdict } from "./contract";
import { type Answer, get, send } from "./transport";

export interface Reply {
  readonly request: ScanRequest;
  /** Milliseconds; null where the service said nothing. */
  readonly retryAfterMs: number | null;
}

/** A picture and what is asked of it. The file bears its true type. */
export interface Submission {
  readonly file: Blob;
  /** SHA-256 in hex. */
  readonly hash: string | null;
  readonly question: Question;
  /** Under the same key the same submission is the same request, however often it is made. */
  readonly key: string;
}

export type OnProgress = (sent: number) => void;

/** All throw ScanProblem for every answer that is not the one they want, and the signal's reason when it is aborted. */
export interface Service {
  /** Asks about a picture by its hash, without its bytes. */
  announce(submission: Submission & { hash: string }, signal: AbortSignal): Promise<Reply>;
  /** Sends the bytes where an announcement's answer says. */
  upload(upload: Upload, file: Blob, signal: AbortSignal, onProgress: OnProgress): Promise<void>;
  /** Asks about a picture with its bytes in the question itself. */
  post(submission: Submission, signal: AbortSignal, onProgress: OnProgress): Promise<Reply>;
  /** How a request stands. */
  ask(requestId: string, signal: AbortSignal): Promise<Reply>;
  /** Asks more of the picture of an answered request, from what was seen in it. */
  askMore(requestId: string, question: Question, signal: AbortSignal): Promise<Verdict>;
}

/** Makes a call to the service, with the headers that tell who calls. */
export type AsCaller = (call: (headers: Record<string, string>) => Promise<Answer>) => Promise<Answer>;

export const asAnybody: AsCaller = (call) => call({});

/** @param base the service's address; the storage is never told who calls */
export function serviceAt(base: string, asCaller: AsCaller = asAnybody): Service {
  const address = `${base.replace(/\/$/, "")}/scanrequest`;
  const addressOf = (requestId: string) => `${address}/${encodeURIComponent(requestId)}`;
  const submit = async (body: object, key: string, signal: AbortSignal, onProgress?: OnProgress) =>
    read(await asCaller((who) => post(address, body, { ...who, "Idempotency-Key": key }, signal, onProgress)));
  return {
    announce: ({ file, hash, question, key }, signal) =>
      submit({ sha256: hash, size: file.size, fileType: file.type, ...asked(question) }, key, signal),
    async upload({ url, headers }, body, signal, onProgress) {
      checkUpload(await send(url, { method: "PUT", headers, body, onProgress }, signal));
    },
    post: async ({ file, question, key }, signal, onProgress) =>
      submit({ file: await base64(file), fileType: file.type, ...asked(question) }, key, signal, onProgress),
    ask: async (requestId, signal) => read(await asCaller((who) => get(addressOf(requestId), who, signal))),
    askMore: async (requestId, question, signal) =>
      readVerdict(await asCaller((who) => post(`${addressOf(requestId)}/questions`, asked(question), who, signal))),
  };
}

function post(url: string, body: object, headers: object, signal: AbortSignal, onProgress?: OnProgress) {
  const message = {
    method: "POST" as const,
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  };
  return send(url, onProgress ? { ...message, onProgress } : message, signal);
}

function asked({ labels, match, minConfidence }: Question): object {
  return { labels, match, min_confidence: minConfidence };
}

async function base64(file: Blob): Promise<string | undefined> {
  return (await dataUrl(file)).split(";base64,")[1];
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
  return { request: expected(answer, isScanRequest), retryAfterMs: retryAfter(answer.retryAfter, Date.now()) };
}

/** @throws ScanProblem */
export function readVerdict(answer: Answer): Verdict {
  return expected(answer, isVerdict);
}

function expected<T>(answer: Answer, isWanted: (body: unknown) => body is T): T {
  const body = parsed(answer.text);
  if (isSuccess(answer) && isWanted(body)) return body;
  throw new ScanProblem(problemOfStatus(answer.status, messageOf(body)), retryAfter(answer.retryAfter, Date.now()));
}

/** The storage's own words are for programs. @throws ScanProblem */
export function checkUpload(answer: Answer): void {
  if (isSuccess(answer)) return;
  const refused = answer.status >= 400 && answer.status < 500;
  throw new ScanProblem(
    refused ? problem("unsent", "The storage refused the picture.") : problemOfStatus(answer.status, null),
  );
}

function isSuccess({ status }: Answer): boolean {
  return status >= 200 && status < 300;
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
