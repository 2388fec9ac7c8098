import { type DBSchema, type IDBPObjectStore, openDB } from "idb";
import type { Scan } from "./scan/machine";

/** What this browser keeps of a picture: the scan, a small upright copy, and the file until its answer is there. */
export interface Entry {
  readonly scan: Scan;
  readonly preview: Blob | null;
  readonly file: Blob | null;
}

export interface History {
  load(): Promise<Entry[]>;
  save(entry: Entry): Promise<void>;
  forget(id: string): Promise<void>;
  clear(): Promise<void>;
}

interface Kept {
  readonly scan: Scan;
  readonly preview: Blob | null;
}

/** Files lie apart from the scans, so that a change of state does not write megabytes anew. */
interface Schema extends DBSchema {
  scans: { key: string; value: Kept };
  files: { key: string; value: Blob };
}

const STORES: ("scans" | "files")[] = ["scans", "files"];

type Files = IDBPObjectStore<Schema, typeof STORES, "files", "readwrite">;

async function keepFile(files: Files, id: string, file: Blob | null): Promise<void> {
  if (file === null) await files.delete(id);
  else if ((await files.count(id)) === 0) await files.put(file, id);
}

export function openHistory(name = "imagescan"): History {
  const opened = openDB<Schema>(name, 2, {
    upgrade: (database) => {
      // What the first version kept had another form of question; nothing of it is lost to the service.
      for (const store of database.objectStoreNames) database.deleteObjectStore(store);
      for (const store of STORES) database.createObjectStore(store);
    },
  });

  return {
    async load() {
      const database = await opened;
      const kept = await database.getAll("scans");
      const entries = kept.map(async (one) => ({ ...one, file: (await database.get("files", one.scan.id)) ?? null }));
      return (await Promise.all(entries)).sort((one, other) => other.scan.addedAt - one.scan.addedAt);
    },
    async save({ scan, preview, file }) {
      const change = (await opened).transaction(STORES, "readwrite");
      await Promise.all([
        change.objectStore("scans").put({ scan, preview }, scan.id),
        keepFile(change.objectStore("files"), scan.id, file),
        change.done,
      ]);
    },
    async forget(id) {
      const change = (await opened).transaction(STORES, "readwrite");
      await Promise.all([...STORES.map((store) => change.objectStore(store).delete(id)), change.done]);
    },
    async clear() {
      const change = (await opened).transaction(STORES, "readwrite");
      await Promise.all([...STORES.map((store) => change.objectStore(store).clear()), change.done]);
    },
  };
}
