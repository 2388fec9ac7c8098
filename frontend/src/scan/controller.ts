import type { Question } from "../core/question";
import { Announcer } from "./announcer";
import type { Entry, History } from "./history";
import { isUnfinished, newScan } from "./machine";
import { type RunnerDependencies, ScanRunner } from "./runner";
import { canRetry, ScanStore } from "./store";

export interface Dependencies extends RunnerDependencies {
  readonly history: History;
  readonly newId: () => string;
}

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

  clear(): void {
    this.runner.abortAll();
    this.store.clear();
    this.announcer.cleared();
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
