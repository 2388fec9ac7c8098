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
    const message = "Part of the page could not be loaded. Reload the page, and then try again.";
    throw new ScanError(errorInfo("reload_required", message), null, { cause });
  }
}
