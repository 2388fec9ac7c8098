import type { NamedFile } from "../scan/controller";

/** The files of a drop, a paste or a file dialog. */
export interface Transferred {
  readonly files: readonly NamedFile[];
  /** How many files of folders were skipped, because they are not images. */
  readonly skipped: number;
}

/** Read the files and folders of a drop. Call it before the event ends, because the browser clears the transfer then. */
export function readDrop({ items, files }: DataTransfer): Promise<Transferred> {
  const dropped = [...items].filter(({ kind }) => kind === "file").map(readItem);
  return collect(dropped.length ? dropped : [...files].map(async (file) => [{ name: file.name, file }]));
}

/** Return the files of a folder dialog. */
export function readFolder(files: FileList): Transferred {
  return selectImages([...files].map((file) => ({ name: file.webkitRelativePath || file.name, file })));
}

export function readFiles(files: Iterable<File>): Transferred {
  return { files: [...files].map((file) => ({ name: file.name, file })), skipped: 0 };
}

const IMAGE_NAME = /\.(jpe?g|jpe|jfif|png|webp|avif|gif|hei[cf])$/i;
/** Hidden files, and folders in which programs store thumbnails. */
const HIDDEN = /(^|\/)(\.|@eaDir\/|__MACOSX\/|Thumbs\.db$)/;

/** Skip the files of a folder that are not images. Hidden files are not counted. */
export function selectImages(files: readonly NamedFile[]): Transferred {
  const visible = files.filter(({ name }) => !HIDDEN.test(name));
  const images = visible.filter(({ name }) => IMAGE_NAME.test(name));
  return { files: images, skipped: visible.length - images.length };
}

type Read = Promise<readonly NamedFile[] | Transferred>;

function readItem(item: DataTransferItem): Read {
  const entry = item.webkitGetAsEntry?.();
  const file = item.getAsFile();
  if (entry?.isDirectory) return readDirectory(entry as FileSystemDirectoryEntry).then(selectImages);
  return Promise.resolve(file ? [{ name: file.name, file }] : []);
}

async function collect(reads: readonly Read[]): Promise<Transferred> {
  const parts = (await Promise.all(reads)).map((part) => ("files" in part ? part : { files: part, skipped: 0 }));
  return {
    files: parts.flatMap(({ files }) => files),
    skipped: parts.reduce((sum, { skipped }) => sum + skipped, 0),
  };
}

/** Return all files of a folder and of the folders in it, sorted by path. */
async function readDirectory(directory: FileSystemDirectoryEntry): Promise<readonly NamedFile[]> {
  const entries = await readEntries(directory);
  const sorted = entries.sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
  const files = await Promise.all(
    sorted.map((entry) =>
      entry.isDirectory ? readDirectory(entry as FileSystemDirectoryEntry) : readFile(entry as FileSystemFileEntry),
    ),
  );
  return files.flat();
}

async function readEntries(directory: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = directory.createReader();
  const all: FileSystemEntry[] = [];
  // A reader returns at most 100 entries at a time, and none at the end.
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return all;
    all.push(...entries);
  }
}

/** Return nothing for a file that cannot be read, such as a broken link. */
async function readFile(entry: FileSystemFileEntry): Promise<readonly NamedFile[]> {
  try {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    return [{ name: entry.fullPath.replace(/^\//, ""), file }];
  } catch {
    return [];
  }
}
