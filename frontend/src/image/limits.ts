/** The limits of the API: bytes of a direct upload, bytes in a request body, and pixels per side. */
export const MAX_UPLOAD_BYTES = 15 * 1024 * 1024;
export const MAX_BODY_BYTES = 4_500_000;
export const MIN_SIDE = 80;
export const MAX_SIDE = 10_000;

/** Return the largest accepted size in bytes. A direct upload requires a hash, which requires a secure context. */
export function maxImageBytes(): number {
  return isSecureContext ? MAX_UPLOAD_BYTES : MAX_BODY_BYTES;
}

/** Format a size limit as the API documentation states it: "15 MB" or "4.5 MB". */
export function formatLimit(bytes: number): string {
  const digits = bytes < 10_000_000 ? 1 : 0;
  return `${(Math.floor((bytes / 1_000_000) * 10 ** digits) / 10 ** digits).toFixed(digits)} MB`;
}
