/** How long to wait before asking again: what the service asks for, growing slowly, never in step with others. All in ms. */

export const DEFAULT_PAUSE = 1_000;
export const CEILING = 15_000;
const GROWTH = 1.15;
const JITTER = 0.25;

/** The value of a Retry-After header (seconds or a date) in milliseconds; null where there is none to read. */
export function retryAfter(header: string | null, now: number): number | null {
  if (header === null || header.trim() === "") return null;
  const seconds = Number(header);
  const milliseconds = Number.isNaN(seconds) ? Date.parse(header) - now : seconds * 1_000;
  return Number.isNaN(milliseconds) ? null : Math.max(0, milliseconds);
}

/** @param random from 0 to 1 */
export function pauseBefore(attempt: number, asked: number | null, random: number): number {
  const wanted = asked ?? DEFAULT_PAUSE;
  const grown = Math.max(wanted, Math.min(CEILING, wanted * GROWTH ** attempt));
  return Math.round(grown * (1 + JITTER * random));
}
