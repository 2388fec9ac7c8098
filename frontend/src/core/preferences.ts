/** Choices that the browser remembers for later visits. If its settings block that, they apply until the page is closed. */

const REMOVES_METADATA = "imagescan.removes-metadata";

/** Return whether the user chose to remove metadata from images. */
export function readRemovesMetadata(): boolean {
  try {
    return localStorage.getItem(REMOVES_METADATA) === "true";
  } catch {
    return false;
  }
}

export function saveRemovesMetadata(value: boolean): void {
  try {
    localStorage.setItem(REMOVES_METADATA, String(value));
  } catch {
    // The storage is blocked or full.
  }
}
