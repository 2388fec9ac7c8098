import { type DBSchema, deleteDB, type IDBPDatabase, type IDBPObjectStore, openDB } from "idb";
import { withFeatures, withFindings } from "../api/types";
import { sha256 } from "../core/hash";
import { DEFAULT_QUESTION } from "../core/question";
import { isOutdated, type Scan } from "./machine";

/** A scan, a small upright copy of its image, and the file until the scan has finished. */
export interface Entry {
  readonly scan: Scan;
  readonly preview: Blob | null;
  readonly file: Blob | null;
}

/** Changes that are saved together. An entry occurs at most once. */
export interface Changes {
  readonly added: readonly Entry[];
  /** These are saved only if they exist and are not outdated, because another tab can have changed them. */
  readonly updated: readonly Entry[];
  /** IDs. */
  readonly removed: readonly string[];
}

/** Stores entries in the browser. */
export interface History {
  /** Return all entries in any order. */
  load(): Promise<Entry[]>;
  /** Return the entries with these IDs that exist. */
  get(ids: readonly string[]): Promise<Entry[]>;
  /** Save changes in one transaction: all of them or, if it fails, none. */
  save(changes: Changes): Promise<void>;
}

/** A history in a database of its own. */
export interface HistoryDatabase extends History {
  /** Delete the database. Operations that follow fail. */
  destroy(): Promise<void>;
}

interface StoredScan {
  readonly scan: Scan;
  /** Earlier versions of the page saved the preview here. */
  readonly preview?: Blob | null;
}

/** Files and previews have a store of their own, so that a state change does not rewrite megabytes. */
interface Schema extends DBSchema {
  scans: { key: string; value: StoredScan };
  files: { key: string; value: Blob };
}

const VERSION = 3;
const TRIAL_KEY = "trial";
const STORES: ("scans" | "files")[] = ["scans", "files"];

type Store<Name extends "scans" | "files"> = IDBPObjectStore<Schema, typeof STORES, Name, "readwrite">;
interface Stores {
  readonly scans: Store<"scans">;
  readonly files: Store<"files">;
}

async function putEntry({ scans, files }: Stores, { scan, preview, file }: Entry): Promise<void> {
  await Promise.all([
    scans.put({ scan }, scan.id),
    saveFile(files, scan.id, file),
    saveFile(files, previewKey(scan.id), preview),
  ]);
}

async function updateEntry(stores: Stores, entry: Entry): Promise<void> {
  const saved = await stores.scans.get(entry.scan.id);
  if (saved && !isOutdated(entry.scan, withDefaults(saved.scan))) await putEntry(stores, entry);
}

async function removeEntry({ scans, files }: Stores, id: string): Promise<void> {
  await Promise.all([scans.delete(id), files.delete(id), files.delete(previewKey(id))]);
}

function previewKey(id: string): string {
  return `${id}.preview`;
}

async function saveFile(files: Store<"files">, id: string, file: Blob | null): Promise<void> {
  if (file === null) await files.delete(id);
  else if ((await files.count(id)) === 0) await files.put(file, id);
}

/** Earlier versions of the page saved scans without these properties. */
function withDefaults(scan: Scan): Scan {
  const sequence = scan.addedAt * SEQUENCE_PER_MS;
  const info = { ...{ sequence, generation: 0, removesMetadata: false, note: null, image: null }, ...scan };
  const complete = { ...info, question: scan.question && { ...DEFAULT_QUESTION, ...scan.question } };
  if (complete.state !== "completed") return complete;
  return { ...complete, request: withFindings(complete.request), followUps: complete.followUps.map(withFeatures) };
}

/** Sequence numbers per millisecond, so that the images of a batch have different numbers. */
export const SEQUENCE_PER_MS = 1_000;

/** Earlier versions kept the images of all users in this database. */
const SHARED_NAME = "imagescan";
const PREFIX = `${SHARED_NAME}.`;
const ANONYMOUS_NAME = `${PREFIX}anonymous`;

/** Return the name of the database of a user. Without a sign-in, there is one anonymous database. */
export async function databaseName(user: string | null): Promise<string> {
  return user === null ? ANONYMOUS_NAME : PREFIX + (await sha256(new TextEncoder().encode(user)));
}

/** Delete the database of earlier versions, because its entries do not name their user. */
export async function deleteSharedHistory(): Promise<void> {
  await deleteDB(SHARED_NAME);
}

/** Return the names of the databases of all users of this browser, or nothing if the browser cannot list them. */
export async function savedHistories(): Promise<readonly string[]> {
  try {
    const databases = (await indexedDB.databases()) ?? [];
    return databases.flatMap(({ name }) => (name?.startsWith(PREFIX) ? name : []));
  } catch {
    return [];
  }
}

/** Delete the databases of all users. Their contents are not read. */
export async function deleteHistories(): Promise<void> {
  await Promise.all((await savedHistories()).map((name) => deleteDB(name)));
}

export function openHistory(name: string): HistoryDatabase {
  const opened = openDatabase(name);
  // Every operation reports the error. Without this, the browser would report it as well.
  opened.catch(() => {});
  return {
    async load() {
      const { scans, files } = await storesOf(opened, "readonly");
      const [stored, ids, contents] = await Promise.all([scans.getAll(), files.getAllKeys(), files.getAll()]);
      const fileOf = new Map(ids.map((id, index) => [id, contents[index]]));
      return stored.map(({ scan, preview = null }) => ({
        scan: withDefaults(scan),
        preview: fileOf.get(previewKey(scan.id)) ?? preview,
        file: fileOf.get(scan.id) ?? null,
      }));
    },
    async get(ids) {
      const { scans, files } = await storesOf(opened, "readonly");
      const entries = ids.map(async (id) => {
        const [stored, file, preview] = await Promise.all([scans.get(id), files.get(id), files.get(previewKey(id))]);
        if (!stored) return [];
        return [{ scan: withDefaults(stored.scan), preview: preview ?? stored.preview ?? null, file: file ?? null }];
      });
      return (await Promise.all(entries)).flat();
    },
    async save({ added, updated, removed }) {
      const transaction = (await opened).transaction(STORES, "readwrite");
      const stores = { scans: transaction.objectStore("scans"), files: transaction.objectStore("files") };
      await Promise.all([
        ...added.map((entry) => putEntry(stores, entry)),
        ...updated.map((entry) => updateEntry(stores, entry)),
        ...removed.map((id) => removeEntry(stores, id)),
        transaction.done,
      ]);
    },
    async destroy() {
      (await opened.catch(() => null))?.close();
      await deleteDB(name);
    },
  };
}

/** Reject, rather than throw, if the browser blocks databases or does not store images. */
async function openDatabase(name: string) {
  const database = await openDB<Schema>(name, VERSION, {
    upgrade: (database) => {
      // Older versions store scans in another format. Their requests can still be opened by ID.
      for (const store of database.objectStoreNames) database.deleteObjectStore(store);
      for (const store of STORES) database.createObjectStore(store);
    },
    // Another tab deletes the database. An open connection would block it, and could save images again.
    blocking: (_version, _blocked, event) => (event.target as IDBDatabase).close(),
  });
  try {
    await storeTrialBlob(database);
  } catch (cause) {
    database.close();
    throw new Error("This browser does not store images, as in a private window of Safari.", { cause });
  }
  return database;
}

/** In private windows, Safari stores no blobs, and a transaction after the first one that failed can hang. */
async function storeTrialBlob(database: IDBPDatabase<Schema>): Promise<void> {
  const transaction = database.transaction("files", "readwrite");
  try {
    const put = transaction.store.put(new Blob(["trial"]), TRIAL_KEY);
    await Promise.all([put, transaction.store.delete(TRIAL_KEY), transaction.done]);
  } catch (error) {
    // The images that are stored already can be read.
    if (!(error instanceof DOMException && error.name === "QuotaExceededError")) throw error;
  }
}

async function storesOf(opened: ReturnType<typeof openDatabase>, mode: "readonly") {
  const transaction = (await opened).transaction(STORES, mode);
  return { scans: transaction.objectStore("scans"), files: transaction.objectStore("files") };
}
