/** Exponential backoff with jitter. All times are in milliseconds. */

export const DEFAULT_DELAY = 1_000;
export const MAX_DELAY = 15_000;
export const MAX_RETRY_DELAY = 60_000;
const GROWTH = 1.15;
const JITTER = 0.25;

/**
 * Return the delay before the next poll. It is never shorter than the requested delay.
 *
 * @param requested the value of Retry-After, or null
 * @param random a number between 0 and 1
 */
export function backoffDelay(attempt: number, requested: number | null, random: number): number {
  const base = requested ?? DEFAULT_DELAY;
  const grown = Math.max(base, Math.min(MAX_DELAY, base * GROWTH ** attempt));
  return Math.round(grown * (1 + JITTER * random));
}

/**
 * Return the delay before a failed submission is repeated. It doubles with every attempt, and is never shorter than the
 * requested delay.
 *
 * @param attempt 1 for the first repetition
 * @param requested the value of Retry-After, or null
 * @param random a number between 0 and 1
 */
export function retryDelay(attempt: number, requested: number | null, random: number): number {
  const grown = Math.max(requested ?? 0, Math.min(MAX_RETRY_DELAY, DEFAULT_DELAY * 2 ** (attempt - 1)));
  return Math.round(grown * (1 + JITTER * random));
}
