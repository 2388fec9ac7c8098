import PQueue from "p-queue";
import type { ApiClient, Reply, Submission } from "../api/client";
import { errorFromFailure } from "../api/errors";
import type { ScanRequest } from "../api/types";
import { errorInfo, ScanError } from "../core/errors";
import type { PreparedImage } from "../image/prepare";
import { backoffDelay, retryDelay } from "./backoff";
import type { Entry } from "./history";
import { requestIdOf, type Scan, type ScanEvent } from "./machine";
import type { ScanStore } from "./store";
import { createUpload } from "./upload";

/** The functions that wait reject with the reason of the signal when it is aborted. */
export interface RunnerDependencies {
  readonly prepareImage: (file: Blob, removesMetadata: boolean) => Promise<PreparedImage>;
  readonly api: ApiClient;
  readonly delay: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Resolves when the page is online. */
  readonly whenOnline: (signal: AbortSignal) => Promise<void>;
  /** Like `whenOnline`, but also waits until the page is visible. */
  readonly whenVisible: (signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
  readonly now: () => number;
}

/** Called with a scan that was dropped because another one asks the same. */
export type OnDuplicate = (scan: Scan) => void;

const PREPARE_CONCURRENCY = 6;
/** Submissions are combined, so more of them are in progress than uploads. */
const SUBMIT_CONCURRENCY = 75;
const UPLOAD_CONCURRENCY = 3;
const POLL_CONCURRENCY = 150;
/** An upload that S3 rejects this often cannot succeed. All other attempts are repeated while the page is open. */
const MAX_REJECTED_UPLOADS = 4;
/** The API may hold the response to a poll for this time. It is shorter than the timeout of a response. */
const HOLD_SECONDS = 20;
/** After so many held responses without a result, a scan is polled with growing delays. */
const MAX_HELD_RESPONSES = 3;
const NOT_SAVED = "The browser did not keep the image. Add it again.";
/** Runs scans: prepares and uploads a few images at a time, and polls their requests until they finish. */
export class ScanRunner {
  private readonly prepares = new PQueue({ concurrency: PREPARE_CONCURRENCY });
  private readonly submits = new PQueue({ concurrency: SUBMIT_CONCURRENCY });
  private readonly uploads = new PQueue({ concurrency: UPLOAD_CONCURRENCY });
  private readonly polls = new PQueue({ concurrency: POLL_CONCURRENCY });
  /** The API with a limit for calls that send the bytes of an image. */
  private readonly limitedApi: Pick<ApiClient, "submitHash" | "upload" | "submitBytes">;
  private readonly submitted = new Map<string, readonly string[]>();
  /** Images that were sent in this visit, by their hash. Changed ones are not kept, because they take memory. */
  private readonly sent = new Map<string, Blob>();
  private readonly abortControllers = new Map<string, AbortController>();
  /** False after the API has ignored the preference to hold a response. */
  private canHold = true;

  constructor(
    private readonly store: ScanStore,
    private readonly deps: RunnerDependencies,
    private readonly onDuplicate: OnDuplicate,
  ) {
    const { api } = deps;
    this.limitedApi = {
      submitHash: (submission, signal) => api.submitHash(submission, signal),
      upload: (target, file, signal, onProgress) =>
        this.uploads.add(() => api.upload(target, file, signal, onProgress), { signal }),
      submitBytes: (submission, signal, onProgress) =>
        this.uploads.add(() => api.submitBytes(submission, signal, onProgress), { signal }),
    };
  }

  /** Run a scan until it finishes or is aborted. Errors become part of the scan. */
  async start(id: string): Promise<void> {
    const controller = new AbortController();
    this.abortControllers.set(id, controller);
    try {
      const retryAfterMs = await this.enqueue(id, controller.signal);
      await this.pollUntilDone(id, retryAfterMs, controller.signal);
    } catch (error) {
      if (!controller.signal.aborted) this.fail(id, error);
    }
    if (this.abortControllers.get(id) === controller) this.abortControllers.delete(id);
  }

  isRunning(id: string): boolean {
    return this.abortControllers.has(id);
  }

  /** Return the IDs of all requests that are known for a scan: the current one, and others of this visit. */
  requestIds(id: string): readonly string[] {
    const scan = this.store.scan(id);
    const current = scan ? requestIdOf(scan) : null;
    return [...new Set([...(this.submitted.get(id) ?? []), ...(current === null ? [] : [current])])];
  }

  abort(id: string): void {
    this.abortControllers.get(id)?.abort();
    this.abortControllers.delete(id);
  }

  abortAll(): void {
    this.sent.clear();
    for (const id of [...this.abortControllers.keys()]) this.abort(id);
  }

  /** Send a queued image when it is its turn. Return the milliseconds to wait before the first poll, or null. */
  private async enqueue(id: string, signal: AbortSignal): Promise<number | null> {
    if (this.store.scan(id)?.state !== "queued") return 0;
    return this.submits.add(() => this.prepareAndSend(id, signal), { signal });
  }

  private async prepareAndSend(id: string, signal: AbortSignal): Promise<number | null> {
    const submission = await this.prepares.add(() => this.prepare(id, signal), { signal });
    return submission && this.sendWithRetry(id, submission, signal);
  }

  /** Prepare an image for its submission. Return null if another scan asks the same. */
  private async prepare(id: string, signal: AbortSignal): Promise<Submission | null> {
    this.store.apply(id, { type: "check" });
    const entry = this.store.entry(id);
    if (!entry?.scan.question) throw new ScanError(errorInfo("rejected", NOT_SAVED));
    const { file, note, hash, preview } = entry.file
      ? await this.deps.prepareImage(entry.file, entry.scan.removesMetadata)
      : this.sentImage(entry);
    signal.throwIfAborted();
    const duplicate = this.store.findDuplicate(entry.scan, hash);
    if (duplicate) return this.focusDuplicate(entry.scan, duplicate);
    if (hash && note === null && file instanceof Blob) this.sent.set(hash, file);
    const image = { type: file.type, size: file.size };
    this.store.apply(id, { type: "upload", hash, image, note }, preview);
    return { file, hash, question: entry.scan.question, key: `${id}.${entry.scan.attempt}` };
  }

  /** Return an image that was sent before, with its bytes if the page has them. @throws ScanError if it was not sent */
  private sentImage({ scan: { image, hash, note }, preview }: Entry) {
    if (!image || !hash) throw new ScanError(errorInfo("rejected", NOT_SAVED));
    return { file: this.sent.get(hash) ?? image, hash, note, preview };
  }

  private focusDuplicate(scan: Scan, duplicate: Scan): null {
    this.abort(scan.id);
    this.store.remove([scan.id]);
    this.store.focus(duplicate.id);
    this.onDuplicate(scan);
    return null;
  }

  private async sendWithRetry(id: string, submission: Submission, signal: AbortSignal): Promise<number | null> {
    const onSubmitted = (requestId: string) => this.submitted.set(id, [...(this.submitted.get(id) ?? []), requestId]);
    const upload = createUpload(submission, this.limitedApi, this.deps.now, onSubmitted);
    const onProgress = (sent: number) => this.store.apply(id, { type: "progress", sent });
    let rejectedUploads = 0;
    for (let attempt = 1; ; attempt++) {
      try {
        return this.applyReply(id, await upload(signal, onProgress));
      } catch (error) {
        const transient = assertRetryable(error, signal);
        if (transient.info.kind === "upload_failed" && ++rejectedUploads === MAX_REJECTED_UPLOADS) throw error;
        if (transient.info.kind === "offline") attempt = 0;
        await this.waitBeforeRetry(id, transient, attempt, signal);
      }
    }
  }

  private async waitBeforeRetry(id: string, error: ScanError, attempt: number, signal: AbortSignal): Promise<void> {
    const isOffline = error.info.kind === "offline";
    const milliseconds = retryDelay(Math.max(1, attempt), error.retryAfterMs, this.deps.random());
    const retryAt = isOffline ? null : this.deps.now() + milliseconds;
    this.store.apply(id, { type: "transient_error", error: error.info, retryAt });
    if (isOffline) await this.deps.whenOnline(signal);
    await this.deps.delay(milliseconds, signal);
    await this.deps.whenOnline(signal);
  }

  private async pollUntilDone(id: string, firstDelayMs: number | null, signal: AbortSignal): Promise<void> {
    let last: Poll = { retryAfterMs: firstDelayMs, wasHeld: this.canHold };
    for (let attempt = 0; this.store.scan(id)?.state === "scanning"; attempt++) {
      const hold = last.wasHeld && attempt < MAX_HELD_RESPONSES && this.shouldHold(last.retryAfterMs);
      if (!hold) await this.deps.delay(backoffDelay(attempt, last.retryAfterMs, this.deps.random()), signal);
      await this.deps.whenVisible(signal);
      last = await this.poll(id, hold, signal);
    }
  }

  /** A single image is answered sooner with a held response. Several images are polled in batches. */
  private shouldHold(retryAfterMs: number | null): boolean {
    return this.canHold && this.abortControllers.size === 1 && (retryAfterMs ?? 0) <= HOLD_SECONDS * 1_000;
  }

  private async poll(id: string, hold: boolean, signal: AbortSignal): Promise<Poll> {
    const scan = this.store.scan(id);
    if (scan?.state !== "scanning") return { retryAfterMs: null, wasHeld: false };
    const get = () => this.deps.api.getRequest(scan.requestId, signal, hold ? HOLD_SECONDS : undefined);
    try {
      const reply = await this.polls.add(get, { signal });
      const wasHeld = reply.wasHeld ?? false;
      this.canHold &&= !hold || wasHeld;
      return { retryAfterMs: this.applyReply(id, reply), wasHeld };
    } catch (error) {
      const transient = assertRetryable(error, signal);
      this.store.apply(id, { type: "transient_error", error: transient.info, retryAt: null });
      return { retryAfterMs: transient.retryAfterMs, wasHeld: false };
    }
  }

  private applyReply(id: string, { request, retryAfterMs }: Reply): number | null {
    this.store.apply(id, toEvent(request));
    return retryAfterMs;
  }

  private fail(id: string, error: unknown): void {
    const info = error instanceof ScanError ? error.info : errorInfo("scan_failed", `Unexpected error: ${error}`);
    const scan = this.store.scan(id);
    // A request that does not exist any more can be submitted again.
    const retryable = info.retryable || info.kind === "not_found";
    this.store.apply(id, { type: "failed", error: { ...info, retryable }, requestId: scan ? requestIdOf(scan) : null });
  }
}

/** The outcome of a poll that decides about the next one. */
interface Poll {
  readonly retryAfterMs: number | null;
  readonly wasHeld: boolean;
}

/** Return the error if it is retryable. @throws the error itself otherwise */
function assertRetryable(error: unknown, signal: AbortSignal): ScanError {
  if (!signal.aborted && error instanceof ScanError && error.info.retryable) return error;
  throw error;
}

function toEvent(request: ScanRequest): ScanEvent {
  const requestId = request.request_id;
  if (request.status === "pending") return { type: "accepted", requestId };
  if (request.status === "completed") return { type: "completed", request };
  return { type: "failed", error: errorFromFailure(request.failure), requestId };
}
