import { errorInfo, ScanError } from "../core/errors";
import { FEATURES, featuresWithoutTerms, type Question } from "../core/question";
import { errorFromStatus } from "./errors";
import { parseRetryAfter } from "./retry-after";
import { type HttpResponse, send, sendWithoutBody } from "./transport";
import {
  isScanRequest,
  isSummary,
  isVerdict,
  type ScanRequest,
  type UploadTarget,
  type Verdict,
  withFeatures,
  withFindings,
} from "./types";

export interface Reply {
  readonly request: ScanRequest;
  /** Milliseconds, or null if the API sent no Retry-After header. */
  readonly retryAfterMs: number | null;
  /** Whether the API applied the preference to hold the response. */
  readonly wasHeld?: boolean;
  /** Whether the request lacks its findings and results. */
  readonly isSummary?: boolean;
}

/** Describes an image without its bytes. */
export interface ImageInfo {
  /** The detected image type. */
  readonly type: string;
  /** Bytes. */
  readonly size: number;
}

/** An image and a question about it. */
export interface Submission {
  /** The bytes with their detected type, or only a description if the service may still have the bytes. */
  readonly file: Blob | ImageInfo;
  /** SHA-256 in hex. */
  readonly hash: string | null;
  readonly question: Question;
  /** Idempotency key. Repeated submissions with the same key are one request. */
  readonly key: string;
}

/** Receives the fraction sent so far (0 to 1). */
export type OnProgress = (sent: number) => void;

/** Every method throws a ScanError for unexpected responses, and the reason of the signal when it is aborted. */
export interface ApiClient {
  /** Submit an image by its hash, without its bytes. */
  submitHash(submission: Submission & { hash: string }, signal: AbortSignal): Promise<Reply>;
  /** Upload the bytes to a presigned URL. */
  upload(target: UploadTarget, file: Blob, signal: AbortSignal, onProgress: OnProgress): Promise<void>;
  /** Submit an image with its bytes in the request body. */
  submitBytes(submission: Submission & { file: Blob }, signal: AbortSignal, onProgress: OnProgress): Promise<Reply>;
  /** Get a request. With `holdSeconds`, the API may hold the response until the request has finished. */
  getRequest(requestId: string, signal: AbortSignal, holdSeconds?: number): Promise<Reply>;
  /** Get what the service stores about a request and its image. */
  getDebugData(requestId: string, signal: AbortSignal): Promise<object>;
  /** Ask a follow-up question about the image of a completed request. The image is not scanned again. */
  askFollowUp(requestId: string, question: Question, signal: AbortSignal): Promise<Verdict>;
  /** Delete a request with its image and its result. A request that does not exist counts as deleted. */
  deleteRequest(requestId: string, signal: AbortSignal): Promise<void>;
}

/** The part of the API client that accepts several items at once. An item that fails is an error in the result. */
export interface BatchApi {
  /** Submit up to 25 images. Completed requests come without their labels. */
  submitHashes(submissions: readonly HashSubmission[], signal: AbortSignal): Promise<readonly (Reply | ScanError)[]>;
  /** Get up to 100 requests. */
  getRequests(requestIds: readonly string[], signal: AbortSignal): Promise<readonly (Reply | ScanError)[]>;
}

export type HashSubmission = Submission & { readonly hash: string };

/** Makes an API call with the headers that authenticate the caller. */
export type Authenticator = (call: (headers: Record<string, string>) => Promise<HttpResponse>) => Promise<HttpResponse>;

export const anonymous: Authenticator = (call) => call({});

/** Create a client for the API at a base URL. Credentials go to the API only, never to S3. */
export function createApiClient(baseUrl: string, authenticate: Authenticator = anonymous): ApiClient & BatchApi {
  const collectionUrl = `${baseUrl.replace(/\/$/, "")}/scanrequest`;
  const batchUrl = `${collectionUrl}s`;
  const requestUrl = (requestId: string) => `${collectionUrl}/${encodeURIComponent(requestId)}`;
  const submit = async (body: object, key: string, signal: AbortSignal, onProgress?: OnProgress) =>
    parseReply(
      await authenticate((headers) =>
        postJson(collectionUrl, body, { ...headers, "Idempotency-Key": key }, signal, onProgress),
      ),
    );
  return {
    submitHash: (submission, signal) => submit(hashBody(submission), submission.key, signal),
    submitHashes: async (submissions, signal) => {
      const entries = submissions.map((one) => ({ ...hashBody(one), idempotency_key: one.key }));
      return parseReplies(await authenticate((headers) => postJson(batchUrl, { entries }, headers, signal)));
    },
    getRequests: async (requestIds, signal) => {
      const url = `${batchUrl}?ids=${requestIds.map(encodeURIComponent).join(",")}`;
      return parseReplies(await authenticate((headers) => sendWithoutBody("GET", url, headers, signal)));
    },
    async upload({ url, headers }, body, signal, onProgress) {
      checkUpload(await send(url, { method: "PUT", headers, body, onProgress }, signal));
    },
    submitBytes: async ({ file, question, key }, signal, onProgress) =>
      submit({ file: await toBase64(file), fileType: file.type, ...questionBody(question) }, key, signal, onProgress),
    getRequest: async (requestId, signal, holdSeconds) => {
      const prefer = holdSeconds === undefined ? {} : { Prefer: `wait=${holdSeconds}` };
      const get = (headers: object) => sendWithoutBody("GET", requestUrl(requestId), { ...headers, ...prefer }, signal);
      return parseReply(await authenticate(get));
    },
    getDebugData: async (requestId, signal) => {
      const url = `${requestUrl(requestId)}?debugData=Y`;
      const response = await authenticate((headers) => sendWithoutBody("GET", url, headers, signal));
      return parseBody(response, hasDebugData).debug_data;
    },
    askFollowUp: async (requestId, question, signal) =>
      parseVerdict(
        await authenticate((headers) =>
          postJson(`${requestUrl(requestId)}/questions`, questionBody(question), headers, signal),
        ),
      ),
    deleteRequest: async (requestId, signal) =>
      checkDeletion(await authenticate((headers) => sendWithoutBody("DELETE", requestUrl(requestId), headers, signal))),
  };
}

function postJson(url: string, body: object, headers: object, signal: AbortSignal, onProgress?: OnProgress) {
  const request = {
    method: "POST" as const,
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  };
  return send(url, onProgress ? { ...request, onProgress } : request, signal);
}

function hashBody({ file, hash, question }: HashSubmission): object {
  return { sha256: hash, size: file.size, fileType: file.type, ...questionBody(question) };
}

/** Return the fields of a question. Those without a value are left out, as a request for labels alone always was. */
export function questionBody(question: Question): object {
  const terms = FEATURES.filter((feature) => question[feature].length > 0).map((each) => [each, question[each]]);
  const features = featuresWithoutTerms(question);
  return {
    ...Object.fromEntries(terms),
    ...(features.length > 0 ? { features } : {}),
    match_mode: question.matchMode,
    min_confidence: question.minConfidence,
  };
}

async function toBase64(file: Blob): Promise<string | undefined> {
  return (await toDataUrl(file)).split(";base64,")[1];
}

function toDataUrl(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(new ScanError(errorInfo("rejected", "Cannot read the file. Select it again.")));
    reader.readAsDataURL(file);
  });
}

/** Parse the response of a submission or a poll. @throws ScanError */
export function parseReply(response: HttpResponse): Reply {
  return {
    request: withFindings(parseBody(response, isScanRequest)),
    retryAfterMs: parseRetryAfter(response.retryAfter, Date.now()),
    wasHeld: Boolean(response.preferenceApplied),
  };
}

interface BatchResult {
  readonly status_code: number;
  readonly request: unknown;
  readonly error: unknown;
}

/** Parse the response of a batch. Its requests may lack findings and results. @throws ScanError */
export function parseReplies(response: HttpResponse): readonly (Reply | ScanError)[] {
  const retryAfterMs = parseRetryAfter(response.retryAfter, Date.now());
  return parseBody(response, isBatch).results.map(({ status_code, request, error }) => {
    if (isScanRequest(request)) return { request: withFindings(request), retryAfterMs };
    if (isSummary(request))
      return { request: withFindings({ ...request, ...WITHOUT_FINDINGS }), retryAfterMs, isSummary: true };
    return new ScanError(errorFromStatus(status_code, error), retryAfterMs);
  });
}

const WITHOUT_FINDINGS = { labels: [], moderation: null, text: null, closest_labels: [], results: [] };

function isBatch(body: unknown): body is { results: readonly BatchResult[] } {
  return Array.isArray((body as { results?: unknown } | null)?.results);
}

/** Parse the response to a follow-up question. @throws ScanError */
export function parseVerdict(response: HttpResponse): Verdict {
  return withFeatures(parseBody(response, isVerdict));
}

function hasDebugData(body: unknown): body is { debug_data: object } {
  const data = (body as { debug_data?: unknown } | null)?.debug_data;
  return typeof data === "object" && data !== null;
}

function parseBody<T>(response: HttpResponse, isExpected: (body: unknown) => body is T): T {
  const body = parseJson(response.text);
  if (isSuccess(response) && isExpected(body)) return body;
  throw toError(response);
}

/** Check the response to a deletion. @throws ScanError */
export function checkDeletion(response: HttpResponse): void {
  if (isSuccess(response)) return;
  const error = toError(response);
  if (error.info.kind !== "not_found") throw error;
}

function toError({ status, text, retryAfter }: HttpResponse): ScanError {
  return new ScanError(errorFromStatus(status, parseJson(text)), parseRetryAfter(retryAfter, Date.now()));
}

/** Check the response to an upload. The message of S3 is not written for users, so it is not shown. @throws ScanError */
export function checkUpload(response: HttpResponse): void {
  // 412: an earlier attempt, whose response was lost, has stored the image.
  if (isSuccess(response) || response.status === 412) return;
  const isRejected = response.status >= 400 && response.status < 500;
  throw new ScanError(
    isRejected ? errorInfo("upload_failed", "S3 rejected the upload.") : errorFromStatus(response.status, null),
  );
}

function isSuccess({ status }: HttpResponse): boolean {
  return status >= 200 && status < 300;
}

/** Parse JSON. Return null for anything else, because gateways can respond with HTML. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
