import { computed, signal } from "@preact/signals";
import type { Changes, Entry, History } from "./history";

/** Receives what happened to changes. */
export interface SaverListener {
  /** The changes are in the history, so that other tabs can read them. */
  readonly onSaved: (changes: Changes) => void;
  /** The changes are in memory only. */
  readonly onNotSaved: (changes: Changes, error: unknown) => void;
}

/** Saves changes to the history. What changes while a transaction runs becomes the next transaction. */
export class Saver {
  private readonly added = new Map<string, Entry>();
  private readonly updated = new Map<string, Entry>();
  private readonly removed = new Set<string>();
  private readonly waiting = signal(0);
  private readonly inProgress = signal(0);
  private isRunning = false;

  /** How many added images are not in the history yet. */
  readonly unsavedImages = computed(() => this.waiting.value + this.inProgress.value);

  constructor(
    private readonly history: History,
    private readonly listener: SaverListener,
  ) {}

  add(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.removed.delete(entry.scan.id);
      this.added.set(entry.scan.id, entry);
    }
    this.run();
  }

  update(entry: Entry): void {
    const { id } = entry.scan;
    (this.added.has(id) ? this.added : this.updated).set(id, entry);
    this.run();
  }

  remove(ids: readonly string[]): void {
    for (const id of ids) {
      this.discard(id);
      this.removed.add(id);
    }
    this.run();
  }

  /** Check whether a change of an entry waits for the next transaction. */
  isWaiting(id: string): boolean {
    return this.added.has(id) || this.updated.has(id);
  }

  /** Do not save changes of an entry that wait for the next transaction. */
  discard(id: string): void {
    this.added.delete(id);
    this.updated.delete(id);
  }

  private async run(): Promise<void> {
    this.waiting.value = this.added.size;
    if (this.isRunning) return;
    this.isRunning = true;
    // Changes of the same task become one transaction.
    await Promise.resolve();
    for (let changes = this.take(); sizeOf(changes) > 0; changes = this.take()) await this.save(changes);
    this.isRunning = false;
  }

  private take(): Changes {
    const changes = {
      added: [...this.added.values()],
      updated: [...this.updated.values()],
      removed: [...this.removed],
    };
    for (const map of [this.added, this.updated, this.removed]) map.clear();
    this.inProgress.value = changes.added.length;
    this.waiting.value = 0;
    return changes;
  }

  private async save(changes: Changes): Promise<void> {
    try {
      await this.history.save(changes);
      this.listener.onSaved(changes);
    } catch (error) {
      if (sizeOf(changes) === 1) return this.listener.onNotSaved(changes, error);
      // The storage may be full. Save as many as possible.
      for (const part of split(changes)) await this.save(part);
    }
  }
}

function sizeOf({ added, updated, removed }: Changes): number {
  return added.length + updated.length + removed.length;
}

const NONE: Changes = { added: [], updated: [], removed: [] };

/** Removals come first, because they free storage. */
function split({ added, updated, removed }: Changes): readonly Changes[] {
  return [
    ...removed.map((id) => ({ ...NONE, removed: [id] })),
    ...updated.map((entry) => ({ ...NONE, updated: [entry] })),
    ...added.map((entry) => ({ ...NONE, added: [entry] })),
  ];
}
