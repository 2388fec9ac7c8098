import { type DBSchema, deleteDB, type IDBPObjectStore, openDB } from "idb";
import { sha256 } from "../core/hash";
import type { Scan } from "./machine";

/** A scan, a small upright copy of its image, and the file until the scan has finished. */
export interface Entry {
  readonly scan: Scan;
  readonly preview: Blob | null;
  readonly file: Blob | null;
}

/** Stores entries in the browser. */
export interface History {
  /** Return all entries, newest first. */
  load(): Promise<Entry[]>;
  save(entry: Entry): Promise<void>;
  remove(id: string): Promise<void>;
  clear(): Promise<void>;
}

/** A history in a database of its own. */
export interface HistoryDatabase extends History {
  /** Delete the database. Operations that follow fail. */
  destroy(): Promise<void>;
}

interface StoredScan {
  readonly scan: Scan;
  readonly preview: Blob | null;
}

/** Files have a store of their own, so that a state change does not rewrite megabytes. */
interface Schema extends DBSchema {
  scans: { key: string; value: StoredScan };
  files: { key: string; value: Blob };
}

const VERSION = 3;
const STORES: ("scans" | "files")[] = ["scans", "files"];

type Files = IDBPObjectStore<Schema, typeof STORES, "files", "readwrite">;

async function saveFile(files: Files, id: string, file: Blob | null): Promise<void> {
  if (file === null) await files.delete(id);
  else if ((await files.count(id)) === 0) await files.put(file, id);
}

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
  const databases = (await globalThis.indexedDB?.databases?.()) ?? [];
  return databases.flatMap(({ name }) => (name?.startsWith(PREFIX) ? name : []));
}

/** Delete the databases of all users. Their contents are not read. */
export async function deleteHistories(): Promise<void> {
  await Promise.all((await savedHistories()).map((name) => deleteDB(name)));
}

export function openHistory(name: string): HistoryDatabase {
  const opened = openDB<Schema>(name, VERSION, {
    upgrade: (database) => {
      // Older versions store scans in another format. Their requests can still be opened by ID.
      for (const store of database.objectStoreNames) database.deleteObjectStore(store);
      for (const store of STORES) database.createObjectStore(store);
    },
    // Another tab deletes the database. An open connection would block it, and could save images again.
    blocking: (_version, _blocked, event) => (event.target as IDBDatabase).close(),
  });

  return {
    async load() {
      const database = await opened;
      const stored = await database.getAll("scans");
      const entries = stored.map(async (one) => ({ ...one, file: (await database.get("files", one.scan.id)) ?? null }));
      return (await Promise.all(entries)).sort((one, other) => other.scan.addedAt - one.scan.addedAt);
    },
    async save({ scan, preview, file }) {
      const transaction = (await opened).transaction(STORES, "readwrite");
      await Promise.all([
        transaction.objectStore("scans").put({ scan, preview }, scan.id),
        saveFile(transaction.objectStore("files"), scan.id, file),
        transaction.done,
      ]);
    },
    async remove(id) {
      const transaction = (await opened).transaction(STORES, "readwrite");
      await Promise.all([...STORES.map((store) => transaction.objectStore(store).delete(id)), transaction.done]);
    },
    async clear() {
      const transaction = (await opened).transaction(STORES, "readwrite");
      await Promise.all([...STORES.map((store) => transaction.objectStore(store).clear()), transaction.done]);
    },
    async destroy() {
      (await opened.catch(() => null))?.close();
      await deleteDB(name);
    },
  };
}
