import type { Scan } from "./machine";

/** Check whether an image has a moderation label with the confidence that one of the questions about it requires. */
export function isSensitive(scan: Scan): boolean {
  if (scan.state !== "completed" || scan.request.moderation === null) return false;
  const required = Math.min(...[scan.request, ...scan.followUps].map(({ min_confidence }) => min_confidence));
  return scan.request.moderation.labels.some(({ confidence }) => confidence >= required);
}

/** Return the hash of the image of a scan, or null while it is unknown. */
export function imageHashOf(scan: Scan): string | null {
  return scan.hash ?? (scan.state === "completed" ? scan.request.image_hash : null);
}
