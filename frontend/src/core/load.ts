import { errorInfo, ScanError } from "./errors";

/**
 * Wait for a part of the page that is loaded on demand.
 *
 * @throws ScanError if it cannot be loaded, because the network is down or another version of the page was published
 */
export async function load<T>(part: Promise<T>): Promise<T> {
  try {
    return await part;
  } catch (cause) {
    const message = "A part of the page cannot be loaded. Reload the page, then retry the image.";
    throw new ScanError(errorInfo("unavailable", message), null, { cause });
  }
}
