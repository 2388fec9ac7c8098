import { errorInfo, ScanError } from "../core/errors";
import type { ApiClient, BatchApi, HashSubmission, Reply } from "./client";

const MAX_SUBMISSIONS = 25;
/** The API accepts 100, but a response of 5 MB would be incomplete. */
const MAX_REQUESTS = 50;
const MAX_CONCURRENT_BATCHES = 2;
/** Calls within this time become one batch. While there are many calls, the time is longer, so that batches are larger. */
const WINDOW_MS = 20;
const BUSY_WINDOW_MS = 150;

/** Combine calls that are made at about the same time. Single calls and calls whose response may be held are not. */
export function combineCalls(api: ApiClient & BatchApi): ApiClient {
  const gets = new Batcher<string>(MAX_REQUESTS, {
    one: (requestId, signal) => api.getRequest(requestId, signal),
    many: (requestIds, signal) => api.getRequests(requestIds, signal),
  });
  const submissions = new Batcher<HashSubmission>(MAX_SUBMISSIONS, {
    one: (submission, signal) => api.submitHash(submission, signal),
    many: (all, signal) => api.submitHashes(all, signal),
  });
  const getRequest: ApiClient["getRequest"] = async (requestId, signal, holdSeconds) => {
    if (holdSeconds !== undefined) return api.getRequest(requestId, signal, holdSeconds);
    try {
      return await gets.call(requestId, signal);
    } catch (error) {
      if (!(error instanceof ScanError) || error.info.kind !== "too_large") throw error;
      // The response of the batch was too large.
      return api.getRequest(requestId, signal);
    }
  };
  return {
    ...api,
    getRequest,
    async submitHash(submission, signal) {
      const reply = await submissions.call(submission, signal);
      const { status, request_id } = reply.request;
      return status === "completed" && reply.isSummary ? getRequest(request_id, signal) : reply;
    },
  };
}

interface Calls<T> {
  one(item: T, signal: AbortSignal): Promise<Reply>;
  many(items: readonly T[], signal: AbortSignal): Promise<readonly (Reply | ScanError)[]>;
}

interface Waiting<T> {
  readonly item: T;
  readonly signal: AbortSignal;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (reason: unknown) => void;
}

/** Collects calls while other batches are in progress, so that batches grow with the load. */
class Batcher<T> {
  private waiting: Waiting<T>[] = [];
  private inProgress = 0;
  private wasBatch = false;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly maxSize: number,
    private readonly calls: Calls<T>,
  ) {}

  call(item: T, signal: AbortSignal): Promise<Reply> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      this.waiting.push({ item, signal, resolve, reject });
      if (this.waiting.length >= this.maxSize) this.flush();
      else this.timer ??= setTimeout(() => this.flush(), this.wasBatch ? BUSY_WINDOW_MS : WINDOW_MS);
    });
  }

  private flush(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.waiting = this.waiting.filter(({ signal }) => !signal.aborted);
    while (this.waiting.length > 0 && this.inProgress < MAX_CONCURRENT_BATCHES)
      this.send(this.waiting.splice(0, this.maxSize));
  }

  private async send(batch: readonly Waiting<T>[]): Promise<void> {
    this.inProgress++;
    this.wasBatch = batch.length > 1;
    try {
      const results = await this.results(batch);
      batch.forEach(({ resolve, reject }, index) => {
        const result = results[index] ?? new ScanError(errorInfo("unavailable", "The response is incomplete."));
        if (result instanceof ScanError) reject(result);
        else resolve(result);
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    this.inProgress--;
    // The other calls wait for their own time, unless they fill a batch.
    if (this.timer === null || this.waiting.length >= this.maxSize) this.flush();
  }

  private async results(batch: readonly Waiting<T>[]): Promise<readonly (Reply | ScanError)[]> {
    const [only, ...others] = batch;
    if (only && others.length === 0) return [await this.calls.one(only.item, only.signal)];
    // A call that is aborted does not stop the others of its batch.
    return this.calls.many(
      batch.map(({ item }) => item),
      new AbortController().signal,
    );
  }
}
