import PQueue from "p-queue";
import { errorInfo, ScanError } from "../core/errors";
import type { Question } from "../core/question";
import { Announcer } from "./announcer";
import type { Entry, History } from "./history";
import { isUnfinished, newScan, type Scan } from "./machine";
import { type RunnerDependencies, ScanRunner } from "./runner";
import { canRetry, ScanStore } from "./store";

export interface Dependencies extends RunnerDependencies {
  readonly history: History;
  readonly newId: () => string;
}

const DELETE_CONCURRENCY = 4;

/** The actions of the user. Each one changes the store and starts or stops the runner. */
export class ScanController {
  readonly store: ScanStore;
  readonly announcer: Announcer;
  private readonly runner: ScanRunner;

  constructor(private readonly deps: Dependencies) {
    this.announcer = new Announcer(deps.newId);
    this.store = new ScanStore(deps.history, (scan, event) => this.announcer.changed(scan, event));
    this.runner = new ScanRunner(this.store, deps, (scan) => this.announcer.duplicate(scan));
  }

  addFiles(files: readonly File[], question: Question): void {
    if (this.store.isClosed) return;
    const { newId, now } = this.deps;
    this.add(
      files.map((file) => ({
        scan: newScan({ id: newId(), name: file.name, question, hash: null, addedAt: now(), attempt: 0 }),
        preview: null,
        file,
      })),
    );
    this.announcer.added(files.map(({ name }) => name));
  }

  /** Show a request by its ID. If no entry has it, add one without an image. */
  openRequest(requestId: string): void {
    const id = this.store.findByRequestId(requestId)?.id ?? this.addRequest(requestId);
    this.store.focus(id);
  }

  /** Load the history of earlier visits and resume unfinished scans. */
  async restore(): Promise<void> {
    const loaded = await this.store.load();
    for (const { scan } of loaded) if (isUnfinished(scan)) this.runner.start(scan.id);
  }

  cancel(id: string): void {
    this.runner.abort(id);
    this.store.apply(id, { type: "cancel" });
  }

  cancelAll(): void {
    for (const { id } of this.store.unfinished()) this.cancel(id);
  }

  retry(id: string): void {
    const entry = this.store.entry(id);
    if (!entry || !canRetry(entry)) return;
    this.store.apply(id, { type: "retry" });
    this.runner.start(id);
  }

  retryAll(): void {
    for (const entry of this.store.entries.value) if (canRetry(entry)) this.retry(entry.scan.id);
  }

  /** Ask a follow-up question about a completed scan. @throws ScanError if it is not answered */
  async askFollowUp(id: string, question: Question): Promise<void> {
    const scan = this.store.scan(id);
    if (scan?.state !== "completed") return;
    const verdict = await this.deps.api.askFollowUp(scan.requestId, question, new AbortController().signal);
    this.store.apply(id, { type: "follow_up", verdict });
  }

  remove(id: string): void {
    this.runner.abort(id);
    this.store.remove(id);
  }

  /** Whether the service is known to have a request of this scan. */
  isSubmitted(id: string): boolean {
    return this.runner.requestIds(id).length > 0;
  }

  /** Delete the requests of a scan on the service, then remove it. If that fails, the scan stays and shows the error. */
  async deleteRequest(id: string): Promise<void> {
    const scan = this.store.scan(id);
    if (!scan || this.store.deletions.value.get(id)?.state === "deleting") return;
    // An upload that continues would create the request again. A scan that is polled only is not affected.
    if (isUnfinished(scan) && scan.state !== "scanning") this.cancel(id);
    this.store.setDeletion(id, { state: "deleting" });
    try {
      const { signal } = new AbortController();
      await Promise.all(this.runner.requestIds(id).map((requestId) => this.deps.api.deleteRequest(requestId, signal)));
    } catch (error) {
      return this.keepAfterFailure(scan, error);
    }
    this.remove(id);
    this.announcer.deleted(scan);
  }

  /** Delete the requests of all scans. */
  async deleteAll(): Promise<void> {
    const queue = new PQueue({ concurrency: DELETE_CONCURRENCY });
    await queue.addAll(
      this.store.entries.value.map(
        ({ scan }) =>
          () =>
            this.deleteRequest(scan.id),
      ),
    );
  }

  /** Stop everything and remove all scans from memory without changing the history. Nothing can be added afterwards. */
  suspend(): void {
    this.runner.abortAll();
    this.store.close();
    this.announcer.reset();
  }

  clear(): void {
    this.runner.abortAll();
    this.store.clear();
    this.announcer.cleared();
  }

  private keepAfterFailure(scan: Scan, error: unknown): void {
    // The page may have been suspended in the meantime.
    if (!this.store.entry(scan.id)) return;
    const info = error instanceof ScanError ? error.info : errorInfo("scan_failed", `Unexpected error: ${error}`);
    this.store.setDeletion(scan.id, { state: "failed", error: info });
    this.announcer.notDeleted(scan, info);
  }

  private add(entries: readonly Entry[]): void {
    this.store.add(entries);
    for (const { scan } of entries) this.runner.start(scan.id);
  }

  private addRequest(requestId: string): string {
    const { newId, now } = this.deps;
    const id = newId();
    const info = { id, name: null, question: null, hash: null, addedAt: now(), attempt: 0 };
    this.add([{ scan: { ...info, state: "scanning", requestId, transientError: null }, preview: null, file: null }]);
    return id;
  }
}
