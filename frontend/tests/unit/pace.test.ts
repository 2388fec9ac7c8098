import { expect, it } from "vitest";
import { CEILING, DEFAULT_PAUSE, pauseBefore, retryAfter } from "../../src/scan/pace";

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
])("Retry-After %s means %s ms", (header, milliseconds) => {
  expect(retryAfter(header, NOW)).toBe(milliseconds);
});

it("never asks earlier than the service says", () => {
  for (const asked of [0, 1_000, 60_000])
    for (const attempt of [0, 1, 50]) expect(pauseBefore(attempt, asked, 0)).toBeGreaterThanOrEqual(asked);
});

it("asks more and more slowly, up to a ceiling", () => {
  const pauses = [0, 5, 10, 20, 100].map((attempt) => pauseBefore(attempt, 1_000, 0));
  expect(pauses).toEqual([...pauses].sort((one, other) => one - other));
  expect(pauses.at(-1)).toBe(CEILING);
});

it("spreads pages that began together", () => {
  expect(pauseBefore(0, null, 0)).toBe(DEFAULT_PAUSE);
  expect(pauseBefore(0, null, 1)).toBe(DEFAULT_PAUSE * 1.25);
});
