import PQueue from "p-queue";
import { errorInfo, ScanError } from "../core/errors";
import { isSameQuestion, missingFeatures, type Question, withTermsOnly } from "../core/question";
import { Announcer } from "./announcer";
import { displayName, questionOf } from "./format";
import { type Entry, type History, SEQUENCE_PER_MS } from "./history";
import { isUnfinished, newScan, requestIdOf, type Scan } from "./machine";
import { type RunnerDependencies, ScanRunner } from "./runner";
import { imageHashOf } from "./sensitive";
import { canRetry, canSubmitByHash, ScanStore } from "./store";
import type { TabMessage, Tabs } from "./tabs";

export interface Dependencies extends RunnerDependencies {
  readonly history: History;
  readonly tabs: Tabs;
  readonly newId: () => string;
}

/** A file with the name to show, which can include its folder. */
export interface NamedFile {
  readonly name: string;
  readonly file: Blob;
}

const NOT_SENT = "This page did not send the image. Add it again with this question.";
const DELETE_CONCURRENCY = 4;
const ASK_CONCURRENCY = 6;

/** The actions of the user. Each one changes the store and starts or stops the runner. */
export class ScanController {
  readonly store: ScanStore;
  readonly announcer: Announcer;
  private readonly runner: ScanRunner;
  /** Whether this tab sends the images, not another one. */
  private isSender = false;

  constructor(private readonly deps: Dependencies) {
    this.announcer = new Announcer(deps.newId);
    this.store = new ScanStore(deps.history, {
      onChange: (scan, event) => this.announcer.changed(scan, event),
      onSaved: ({ added, updated, removed }) => {
        const ids = [...added, ...updated].map(({ scan }) => scan.id);
        if (ids.length) deps.tabs.publish({ type: "saved", ids });
        if (removed.length) deps.tabs.publish({ type: "removed", ids: removed });
      },
      // Other tabs cannot see these entries, so this one sends them.
      onNotSaved: (entries) => this.resume(entries.map(({ scan }) => scan.id)),
    });
    this.runner = new ScanRunner(this.store, deps, (scan) => this.announcer.duplicate(scan));
    deps.tabs.join({ start: () => this.startSending(), stop: () => this.stopSending() }, (message) =>
      this.receive(message),
    );
  }

  addFiles(files: readonly NamedFile[], question: Question, removesMetadata = false): void {
    if (this.store.isClosed) return;
    const addedAt = this.deps.now();
    const sequence = this.nextSequence(addedAt);
    this.add(
      files.map(({ name, file }, index) => ({
        scan: newScan({
          ...this.newInfo(addedAt, sequence + files.length - index),
          name,
          question,
          removesMetadata,
        }),
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
    await this.store.load();
    // Without a history, other tabs cannot send the images of this one.
    if (this.store.historyError.value !== null && !this.store.isClosed) {
      this.deps.tabs.leave();
      this.startSending();
    } else if (this.isSender) this.resumeAll();
  }

  cancel(id: string): void {
    this.runner.abort(id);
    this.store.apply(id, { type: "cancel" });
  }

  /** Cancel those of these scans that are unfinished, or of all. */
  cancelAll(ids = this.store.entries.value.map(({ scan }) => scan.id)): void {
    for (const id of ids) this.cancel(id);
  }

  retry(id: string): void {
    const entry = this.store.entry(id);
    if (!entry || !canRetry(entry)) return;
    this.store.apply(id, { type: "retry" });
    this.run(id);
  }

  /** Retry those of these scans that can be retried, or of all. */
  retryAll(ids = this.store.entries.value.map(({ scan }) => scan.id)): void {
    for (const id of ids) this.retry(id);
  }

  /** Ask a follow-up question about a completed scan. @throws ScanError if it is not answered */
  async askFollowUp(id: string, question: Question): Promise<void> {
    const scan = this.store.scan(id);
    if (scan?.state !== "completed") return;
    const verdict = await this.deps.api.askFollowUp(scan.requestId, question, new AbortController().signal);
    this.store.apply(id, { type: "follow_up", verdict });
  }

  /**
   * Scan the image of a completed scan for the features of a question. It is submitted by its hash, as a new scan.
   *
   * @returns the ID of the new scan
   * @throws ScanError if the image must be added again, because this page did not send it
   */
  scanAgain(id: string, question: Question): string {
    const entry = this.store.entry(id);
    if (!entry || !canSubmitByHash(entry.scan)) throw new ScanError(errorInfo("rejected", NOT_SENT));
    const { name, image, note } = entry.scan;
    const addedAt = this.deps.now();
    const info = { ...this.newInfo(addedAt, this.nextSequence(addedAt)), name, image, note, question };
    const scan = newScan({ ...info, hash: imageHashOf(entry.scan) });
    this.announcer.added([displayName(scan)]);
    this.store.focus(scan.id);
    // Last, because a duplicate is found at once.
    this.add([{ ...entry, scan }]);
    return scan.id;
  }

  /** Show a sensitive image without blur. */
  reveal(id: string): void {
    const scan = this.store.scan(id);
    if (!scan) return;
    this.store.reveal(scan);
    this.announcer.revealed(scan);
  }

  /** Return what the service stores about the request of a scan. @throws ScanError if it does not return that */
  async getDebugData(id: string): Promise<object> {
    const scan = this.store.scan(id);
    const requestId = scan && requestIdOf(scan);
    if (!requestId) throw new ScanError(errorInfo("not_found", "The image has no request yet."));
    return this.deps.api.getDebugData(requestId, new AbortController().signal);
  }

  /** Ask a question about all of these scans that are completed, can answer it, and have not answered it last. */
  async askAll(ids: readonly string[], asking: Question): Promise<void> {
    const question = withTermsOnly(asking);
    const scans = ids.flatMap((id) => this.store.scan(id) ?? []).filter((scan) => scan.state === "completed");
    const scanned = scans.filter(({ request }) => missingFeatures(question, request.features).length === 0);
    const asked = scanned
      .filter(
        ({ request, followUps: [latest = request] }) => !isSameQuestion(withTermsOnly(questionOf(latest)), question),
      )
      .map(({ id }) => id);
    let failed = 0;
    const progress = { done: 0, total: asked.length };
    const ask = async (id: string) => {
      this.store.asking.value = { ...progress };
      await this.askFollowUp(id, question).catch((error) => {
        if (!(error instanceof ScanError)) throw error;
        failed++;
      });
      progress.done++;
    };
    await new PQueue({ concurrency: ASK_CONCURRENCY }).addAll(asked.map((id) => () => ask(id)));
    this.store.asking.value = null;
    const result = { asked: asked.length, failed, notScanned: scans.length - scanned.length };
    this.store.askResult.value = result;
    this.announcer.askedAll(result);
  }

  /** Remove scans from the page. This can be undone. */
  remove(...ids: string[]): void {
    const removed = new Set(ids);
    const entries = this.store.entries.value.filter(({ scan }) => removed.has(scan.id));
    this.removePermanently(ids);
    this.store.undoable.value = entries;
    this.announcer.removed(entries.map(({ scan }) => scan));
  }

  removeAll(): void {
    this.remove(...this.store.entries.value.map(({ scan }) => scan.id));
  }

  /** Undo the last removal. */
  undoRemoval(): void {
    const entries = this.store.undoable.value;
    this.store.undoable.value = [];
    this.store.add(entries);
    if (this.isSender) this.resume(entries.map(({ scan }) => scan.id));
    this.announcer.restored(entries.map(({ scan }) => scan));
  }

  dismissUndo(): void {
    this.store.undoable.value = [];
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
    this.removePermanently([id]);
    this.announcer.deleted(scan);
  }

  /** Delete the requests of these scans, or of all. */
  async deleteAll(ids = this.store.entries.value.map(({ scan }) => scan.id)): Promise<void> {
    const queue = new PQueue({ concurrency: DELETE_CONCURRENCY });
    await queue.addAll(ids.map((id) => () => this.deleteRequest(id)));
  }

  /** Stop everything and remove all scans from memory without changing the history. Nothing can be added afterwards. */
  suspend(): void {
    this.deps.tabs.leave();
    this.runner.abortAll();
    this.store.close();
    this.announcer.reset();
  }

  private removePermanently(ids: readonly string[]): void {
    for (const id of ids) this.runner.abort(id);
    this.store.remove(ids);
  }

  private startSending(): void {
    this.isSender = true;
    this.resumeAll();
  }

  private stopSending(): void {
    this.isSender = false;
    this.runner.abortAll();
  }

  private resumeAll(): void {
    this.resume(this.store.unfinished().map(({ id }) => id));
  }

  /** Run unfinished scans that another tab, or an earlier visit, may have started. */
  private resume(ids: readonly string[]): void {
    for (const id of ids) {
      const scan = this.store.scan(id);
      if (!scan || !isUnfinished(scan) || this.runner.isRunning(id)) continue;
      this.store.apply(id, { type: "interrupted" });
      this.runner.start(id);
    }
  }

  /** Run a scan in this tab, if it is the one that sends. The other one receives the scan with the history. */
  private run(id: string): void {
    if (this.isSender) this.runner.start(id);
  }

  private async receive(message: TabMessage): Promise<void> {
    if (message.type === "removed") {
      for (const id of message.ids) this.runner.abort(id);
      return this.store.drop(message.ids);
    }
    const changed = await this.store.refresh(message.ids);
    for (const id of changed) this.runner.abort(id);
    if (this.isSender) this.resume(message.ids);
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
    for (const { scan } of entries) this.run(scan.id);
  }

  private addRequest(requestId: string): string {
    const addedAt = this.deps.now();
    const info = { ...this.newInfo(addedAt, this.nextSequence(addedAt)), name: null, question: null };
    this.add([{ scan: { ...info, state: "scanning", requestId, transientError: null }, preview: null, file: null }]);
    return info.id;
  }

  private newInfo(addedAt: number, sequence: number) {
    const numbers = { addedAt, sequence, attempt: 0, generation: 0 };
    return { id: this.deps.newId(), removesMetadata: false, hash: null, image: null, note: null, ...numbers };
  }

  /** Sequence numbers follow the clock, so that they also order the images of several tabs. */
  private nextSequence(now: number): number {
    return Math.max(now * SEQUENCE_PER_MS, this.store.nextSequence());
  }
}
