import { expect, it } from "vitest";
import { parseRetryAfter } from "../../src/api/retry-after";
import { backoffDelay, DEFAULT_DELAY, MAX_DELAY, MAX_RETRY_DELAY, retryDelay } from "../../src/scan/backoff";

const NOW = Date.parse("2026-11-22T10:40:00Z");

it.each([
  ["1", 1_000],
  ["0", 0],
  ["2.5", 2_500],
  ["Sun, 22 Nov 2026 10:40:30 GMT", 30_000],
  ["Sun, 22 Nov 2026 10:39:00 GMT", 0],
  ["soon", null],
  ["", null],
  [null, null],
])("Retry-After %s is parsed as %s ms", (header, milliseconds) => {
  expect(parseRetryAfter(header, NOW)).toBe(milliseconds);
});

it("the delay is never shorter than the requested delay", () => {
  for (const requested of [0, 1_000, 60_000])
    for (const attempt of [0, 1, 50]) expect(backoffDelay(attempt, requested, 0)).toBeGreaterThanOrEqual(requested);
});

it("the delay grows up to the maximum", () => {
  const delays = [0, 5, 10, 20, 100].map((attempt) => backoffDelay(attempt, 1_000, 0));
  expect(delays).toEqual([...delays].sort((one, other) => one - other));
  expect(delays.at(-1)).toBe(MAX_DELAY);
});

it("jitter adds up to a quarter of the delay", () => {
  expect(backoffDelay(0, null, 0)).toBe(DEFAULT_DELAY);
  expect(backoffDelay(0, null, 1)).toBe(DEFAULT_DELAY * 1.25);
});

it("the delay before a repetition doubles up to the maximum", () => {
  expect([1, 2, 3, 4, 5].map((attempt) => retryDelay(attempt, null, 0))).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
  expect(retryDelay(100, null, 0)).toBe(MAX_RETRY_DELAY);
});

it("the delay before a repetition is never shorter than the requested delay, and grows beyond it", () => {
  expect(retryDelay(1, 5_000, 0)).toBe(5_000);
  expect(retryDelay(1, 300_000, 0)).toBe(300_000);
  expect(retryDelay(4, 5_000, 0)).toBe(8_000);
});
