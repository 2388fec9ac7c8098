import { signal } from "@preact/signals";
import type { ErrorInfo } from "../core/errors";
import { isSameQuestion } from "../core/question";
import type { Entry, History } from "./history";
import { isUnfinished, requestIdOf, type Scan, type ScanEvent, type ScanState, transition } from "./machine";

const HISTORY_LIMIT = 200;

/** Called after a transition that changed a scan. */
export type OnChange = (scan: Scan, event: ScanEvent) => void;

/** The deletion of a request on the service. A completed deletion removes the entry. */
export type Deletion = { readonly state: "deleting" } | { readonly state: "failed"; readonly error: ErrorInfo };

/** All entries of the page, newest first. Saves every change to the history. */
export class ScanStore {
  readonly entries = signal<readonly Entry[]>([]);
  /** The entry to scroll to and focus. */
  readonly focusedEntry = signal<{ readonly id: string } | null>(null);
  /** Why the history is unavailable, or null while it works. */
  readonly historyError = signal<string | null>(null);
  /** Deletions that are in progress or failed, by the ID of the scan. */
  readonly deletions = signal<ReadonlyMap<string, Deletion>>(new Map());
  private closed = false;

  constructor(
    private readonly history: History,
    private readonly onChange: OnChange,
  ) {}

  /** Whether the page is suspended. */
  get isClosed(): boolean {
    return this.closed;
  }

  entry(id: string): Entry | undefined {
    return this.entries.value.find(({ scan }) => scan.id === id);
  }

  scan(id: string): Scan | undefined {
    return this.entry(id)?.scan;
  }

  unfinished(): readonly Scan[] {
    return this.scans().filter(isUnfinished);
  }

  findByRequestId(requestId: string): Scan | undefined {
    return this.scans().find((scan) => requestIdOf(scan) === requestId);
  }

  /** Find another scan that asks the same question about the same image. */
  findDuplicate({ id, question }: Scan, hash: string | null): Scan | undefined {
    const submitted: readonly ScanState[] = ["uploading", "scanning", "completed"];
    return this.scans().find(
      (scan) =>
        hash &&
        scan.hash === hash &&
        scan.id !== id &&
        submitted.includes(scan.state) &&
        isSameQuestion(scan.question, question),
    );
  }

  /** Load the history of earlier visits. Entries over the limit are removed from it. */
  async load(): Promise<readonly Entry[]> {
    const saved = await this.withHistory(this.history.load(), []);
    if (this.closed) return [];
    for (const { scan } of saved.slice(HISTORY_LIMIT)) this.withHistory(this.history.remove(scan.id), undefined);
    const loaded = saved
      .slice(0, HISTORY_LIMIT)
      .map((entry) => ({ ...entry, scan: transition(entry.scan, { type: "interrupted" }) }));
    this.entries.value = [...this.entries.value, ...loaded];
    return loaded;
  }

  add(added: readonly Entry[]): void {
    if (this.closed) return;
    this.entries.value = [...added, ...this.entries.value];
    for (const entry of added) this.withHistory(this.history.save(entry), undefined);
  }

  /** Apply an event to a scan. Do nothing if the scan is unknown or the event is too late. */
  apply(id: string, event: ScanEvent, preview?: Blob): void {
    const before = this.entry(id);
    if (!before) return;
    const scan = transition(before.scan, event);
    if (scan === before.scan) return;
    const after = { scan, preview: preview ?? before.preview, file: needsFile(scan) ? before.file : null };
    this.entries.value = this.entries.value.map((entry) => (entry === before ? after : entry));
    if (event.type !== "progress") this.withHistory(this.history.save(after), undefined);
    this.onChange(scan, event);
  }

  focus(id: string): void {
    if (this.closed) return;
    this.focusedEntry.value = { id };
  }

  /** Record the deletion of the request of a scan, or null if there is none. */
  setDeletion(id: string, deletion: Deletion | null): void {
    const others = [...this.deletions.value].filter(([other]) => other !== id);
    this.deletions.value = new Map(deletion && this.entry(id) ? [...others, [id, deletion]] : others);
  }

  remove(id: string): void {
    this.entries.value = this.entries.value.filter(({ scan }) => scan.id !== id);
    this.setDeletion(id, null);
    this.withHistory(this.history.remove(id), undefined);
  }

  clear(): void {
    this.clearMemory();
    this.withHistory(this.history.clear(), undefined);
  }

  /** Remove all entries from memory without changing the history. Nothing can be added afterwards. */
  close(): void {
    this.closed = true;
    this.clearMemory();
  }

  private clearMemory(): void {
    this.entries.value = [];
    this.deletions.value = new Map();
    this.focusedEntry.value = null;
  }

  private scans(): readonly Scan[] {
    return this.entries.value.map(({ scan }) => scan);
  }

  /** The page also works without a history, for example in a private window. */
  private async withHistory<T>(operation: Promise<T>, fallback: T): Promise<T> {
    try {
      return await operation;
    } catch (error) {
      this.historyError.value = `History is unavailable: ${error}`;
      return fallback;
    }
  }
}

export function canRetry({ scan, file }: Entry): boolean {
  if (scan.state === "cancelled") return file !== null || scan.requestId !== null;
  return scan.state === "failed" && scan.error.retryable && file !== null;
}

/** The file is kept until the scan has completed or failed permanently. */
function needsFile(scan: Scan): boolean {
  return scan.state !== "completed" && (scan.state !== "failed" || scan.error.retryable);
}
