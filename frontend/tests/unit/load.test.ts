import { expect, it } from "vitest";
import { load } from "../../src/core/load";

it("a part of the page that is loaded is returned", async () => {
  expect(await load(Promise.resolve(1))).toBe(1);
});

it("a part of the page that cannot be loaded is a retryable error that asks for a reload", async () => {
  const error = await load(Promise.reject(new TypeError("Failed to fetch"))).catch((error) => error);
  expect(error.info).toMatchObject({ kind: "reload_required", retryable: true });
  expect(error.message).toMatch(/Reload the page/);
});
