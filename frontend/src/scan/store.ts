import { computed, signal } from "@preact/signals";
import type { ErrorInfo } from "../core/errors";
import { isSameQuestion } from "../core/question";
import type { Changes, Entry, History } from "./history";
import {
  isOutdated,
  isUnfinished,
  requestIdOf,
  type Scan,
  type ScanEvent,
  type ScanState,
  transition,
} from "./machine";
import { Saver } from "./saver";
import { imageHashOf, isSensitive } from "./sensitive";

/** How many finished entries the history keeps. Unfinished entries are always kept. */
export const HISTORY_LIMIT = 1_000;

export interface StoreListener {
  /** Called after a transition that changed a scan. */
  readonly onChange: (scan: Scan, event: ScanEvent) => void;
  /** Called when changes are in the history. */
  readonly onSaved: (changes: Changes) => void;
  /** Called when entries cannot be saved. They exist in this tab only. */
  readonly onNotSaved: (entries: readonly Entry[]) => void;
}

/** The deletion of a request on the service. A completed deletion removes the entry. */
export type Deletion = { readonly state: "deleting" } | { readonly state: "failed"; readonly error: ErrorInfo };

/** How many images a question was asked about, and how many of these failed. The others were not scanned for it. */
export interface AskResult {
  readonly asked: number;
  readonly failed: number;
  readonly notScanned: number;
}

/** All entries of the page, newest first. Saves every change to the history. */
export class ScanStore {
  readonly entries = signal<readonly Entry[]>([]);
  /** The entry to scroll to and focus. */
  readonly focusedEntry = signal<{ readonly id: string } | null>(null);
  /** Why the history is unavailable, or null while it works. */
  readonly historyError = signal<string | null>(null);
  /** How many old entries were removed from the history when it was loaded. */
  readonly trimmed = signal(0);
  /** The entries that were removed last, until the removal is undone or dismissed. */
  readonly undoable = signal<readonly Entry[]>([]);
  /** How many images a question was asked about, while it is asked about several. */
  readonly asking = signal<{ readonly done: number; readonly total: number } | null>(null);
  readonly askResult = signal<AskResult | null>(null);
  /** Deletions that are in progress or failed, by the ID of the scan. */
  readonly deletions = signal<ReadonlyMap<string, Deletion>>(new Map());
  /** The hashes of sensitive images that the user chose to see. */
  private readonly revealed = signal<ReadonlySet<string>>(new Set());
  /** The hashes of images that are blurred wherever they are shown. */
  private readonly blurred = computed(() => {
    const hashes = this.scans().flatMap((scan) => (isSensitive(scan) ? (imageHashOf(scan) ?? []) : []));
    return new Set(hashes.filter((hash) => !this.revealed.value.has(hash)));
  });
  /** Whether leaving the page now would lose images. */
  readonly wouldLoseImages = computed(
    () =>
      this.saver.unsavedImages.value > 0 ||
      (this.historyError.value !== null &&
        this.entries.value.some(({ scan, file }) => file !== null && isUnfinished(scan))),
  );
  private readonly saver: Saver;
  private closed = false;

  constructor(
    private readonly history: History,
    private readonly listener: StoreListener,
  ) {
    this.saver = new Saver(history, {
      onSaved: (changes) => this.closed || listener.onSaved(changes),
      onNotSaved: (changes, error) => this.notSaved(changes, error),
    });
  }

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

  /** Return the lowest sequence number that is higher than all others. */
  nextSequence(): number {
    return Math.max(0, ...this.scans().map(({ sequence }) => sequence + 1));
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

  /** Load the history of earlier visits. The oldest finished entries over the limit are removed from it. */
  async load(): Promise<void> {
    let saved: readonly Entry[] = [];
    try {
      saved = await this.history.load();
    } catch (error) {
      this.reportHistoryError(error);
    }
    if (this.closed) return;
    const finished = saved.filter(({ scan }) => !isUnfinished(scan)).sort(newestFirst);
    const trimmed = new Set(finished.slice(HISTORY_LIMIT).map(({ scan }) => scan.id));
    this.trimmed.value = trimmed.size;
    if (trimmed.size) this.saver.remove([...trimmed]);
    this.insert(saved.filter(({ scan }) => !trimmed.has(scan.id)));
  }

  add(added: readonly Entry[]): void {
    if (this.closed) return;
    this.insert(added);
    this.saver.add(added);
  }

  /** Apply an event to a scan. Do nothing if the scan is unknown or the event is too late. */
  apply(id: string, event: ScanEvent, preview: Blob | null = null): void {
    const before = this.entry(id);
    if (!before) return;
    const scan = transition(before.scan, event);
    if (scan === before.scan) return;
    const after = { scan, preview: preview ?? before.preview, file: needsFile(scan) ? before.file : null };
    this.entries.value = this.entries.value.map((entry) => (entry === before ? after : entry));
    if (event.type !== "progress") this.saver.update(after);
    this.listener.onChange(scan, event);
  }

  /**
   * Show the changes that another tab saved.
   *
   * @returns the IDs of the scans that the user cancelled, retried or added there
   */
  async refresh(ids: readonly string[]): Promise<readonly string[]> {
    const saved = await this.history.get(ids).catch(() => []);
    if (this.closed) return [];
    const newer = saved.filter(({ scan }) => this.isNews(scan));
    const changed = newer.filter(({ scan }) => this.scan(scan.id)?.generation !== scan.generation);
    const replaced = new Map(newer.map((entry) => [entry.scan.id, entry]));
    for (const id of replaced.keys()) this.saver.discard(id);
    const known = new Set(this.scans().map(({ id }) => id));
    this.entries.value = this.entries.value.map((entry) => replaced.get(entry.scan.id) ?? entry);
    this.insert(newer.filter(({ scan }) => !known.has(scan.id)));
    return changed.map(({ scan }) => scan.id);
  }

  isBlurred(scan: Scan): boolean {
    return this.blurred.value.has(imageHashOf(scan) ?? "");
  }

  /** Show the image of a scan without blur, until the page is left. */
  reveal(scan: Scan): void {
    const hash = imageHashOf(scan);
    if (hash) this.revealed.value = new Set([...this.revealed.value, hash]);
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

  remove(ids: readonly string[]): void {
    this.drop(ids);
    this.saver.remove(ids);
  }

  /** Remove entries from memory, because another tab has removed them from the history. */
  drop(ids: readonly string[]): void {
    const removed = new Set(ids);
    for (const id of ids) this.saver.discard(id);
    this.entries.value = this.entries.value.filter(({ scan }) => !removed.has(scan.id));
    this.deletions.value = new Map([...this.deletions.value].filter(([id]) => !removed.has(id)));
  }

  /** Remove all entries from memory without changing the history. Nothing can be added afterwards. */
  close(): void {
    this.closed = true;
    this.entries.value = [];
    this.deletions.value = new Map();
    this.focusedEntry.value = null;
    this.undoable.value = [];
    this.revealed.value = new Set();
    this.trimmed.value = 0;
    this.asking.value = null;
    this.askResult.value = null;
  }

  private insert(added: readonly Entry[]): void {
    if (added.length) this.entries.value = [...this.entries.value, ...added].sort(newestFirst);
  }

  /** Check whether a saved version of a scan replaces the one in memory. */
  private isNews(saved: Scan): boolean {
    const known = this.scan(saved.id);
    if (!known) return true;
    const isWaiting = this.saver.isWaiting(saved.id) && saved.generation === known.generation;
    return !isWaiting && !isOutdated(saved, known);
  }

  private scans(): readonly Scan[] {
    return this.entries.value.map(({ scan }) => scan);
  }

  private notSaved(changes: Changes, error: unknown): void {
    if (this.closed) return;
    this.reportHistoryError(error);
    this.listener.onNotSaved([...changes.added, ...changes.updated]);
  }

  /** The page also works without a history, for example in a private window. */
  private reportHistoryError(error: unknown): void {
    const isFull = error instanceof DOMException && error.name === "QuotaExceededError";
    const reason = isFull ? "The storage of this browser is full" : error instanceof Error ? error.message : `${error}`;
    this.historyError.value = `${reason.replace(/\.$/, "")}.`;
  }
}

export function newestFirst(one: Entry, other: Entry): number {
  return other.scan.sequence - one.scan.sequence || other.scan.id.localeCompare(one.scan.id);
}

export function canRetry({ scan, file }: Entry): boolean {
  const canSubmit = file !== null || canSubmitByHash(scan);
  if (scan.state === "cancelled") return canSubmit || scan.requestId !== null;
  return scan.state === "failed" && scan.error.retryable && canSubmit;
}

/** Check whether the image of a scan can be submitted without its bytes, because it was sent before. */
export function canSubmitByHash(scan: Scan): boolean {
  return scan.image !== null && imageHashOf(scan) !== null;
}

/** The file is kept until the scan has completed or failed permanently. */
function needsFile(scan: Scan): boolean {
  return scan.state !== "completed" && (scan.state !== "failed" || scan.error.retryable);
}
