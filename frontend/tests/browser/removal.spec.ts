import type { Page } from "@playwright/test";
import { card, choose, expect, expectAccessible, outcome, PAGE_URL, test, uniqueSample } from "./harness";

const REQUEST = /\/scanrequest\/[\w-]+$/;

const removeButton = (page: Page, name: string) => page.getByRole("button", { name: `Remove: ${name}` });
const deleteButton = (page: Page) => page.getByRole("button", { name: "Delete from the service too" });

/** Record the deletions from now on. */
function recordDeletions(page: Page): string[] {
  const ids: string[] = [];
  page.on("request", (request) => {
    if (request.method() === "DELETE") ids.push(request.url().split("/").at(-1) ?? "");
  });
  return ids;
}

/** Respond to deletions with a status. */
async function failDeletions(page: Page, status: number, code = "x"): Promise<void> {
  await page.route(REQUEST, (route) =>
    route.request().method() === "DELETE"
      ? route.fulfill({ status, json: { code, message: "Not now." } })
      : route.fallback(),
  );
}

test("removing an image from the page does not delete its request", async ({ page }) => {
  const deletions = recordDeletions(page);
  await choose(page, uniqueSample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  const id = await card(page, "cat.jpg").locator("code").textContent();
  await removeButton(page, "cat.jpg").click();
  await page.getByRole("button", { name: "Remove from this page" }).click();
  await expect(page.getByRole("article")).toHaveCount(0);
  expect(deletions).toEqual([]);
  await page.goto(`${PAGE_URL}?request=${id}`);
  await expect(outcome(page.getByRole("article"))).toHaveText(/^Yes/);
});

test("a finished image is deleted from the service", async ({ page }) => {
  const deletions = recordDeletions(page);
  await choose(page, uniqueSample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  const id = await card(page, "cat.jpg").locator("code").textContent();
  await removeButton(page, "cat.jpg").click();
  await expectAccessible(page);
  await deleteButton(page).click();
  await expect(page.getByRole("heading", { name: "No images yet" })).toBeFocused();
  await expect(page.getByRole("log")).toContainText("cat.jpg deleted");
  expect(deletions).toEqual([id]);
  await page.goto(`${PAGE_URL}?request=${id}`);
  await expect(outcome(page.getByRole("article"))).toHaveText(/^Request not found/);
});

test("a pending image is deleted from the service", async ({ page }) => {
  const deletions = recordDeletions(page);
  await page.route(REQUEST, (route) => route.request().method() === "DELETE" && route.fallback());
  await choose(page, uniqueSample("cat.jpg"));
  await expect(card(page, "cat.jpg")).toHaveAttribute("data-state", "scanning");
  await removeButton(page, "cat.jpg").click();
  await deleteButton(page).click();
  await expect(page.getByRole("article")).toHaveCount(0);
  expect(deletions).toHaveLength(1);
});

test("an image that the service has deleted already is removed", async ({ page }) => {
  await choose(page, uniqueSample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  await failDeletions(page, 404, "request_not_found");
  await removeButton(page, "cat.jpg").click();
  await deleteButton(page).click();
  await expect(page.getByRole("article")).toHaveCount(0);
});

test("an image that cannot be deleted stays with the error", async ({ page }) => {
  await choose(page, uniqueSample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  await failDeletions(page, 503);
  await removeButton(page, "cat.jpg").click();
  await deleteButton(page).click();
  await expect(card(page, "cat.jpg").getByRole("alert")).toHaveText("Not deleted. Service unavailable: Not now.");
  await expectAccessible(page);
  await page.reload();
  await expect(card(page, "cat.jpg")).toBeVisible();
  await page.unroute(REQUEST);
  await removeButton(page, "cat.jpg").click();
  await deleteButton(page).click();
  await expect(page.getByRole("article")).toHaveCount(0);
});

test("all images are deleted from the service, except those that fail", async ({ page }) => {
  const deletions = recordDeletions(page);
  await choose(page, uniqueSample("cat.jpg"), uniqueSample("coffee.jpg"), uniqueSample("rocket.jpg"));
  await expect(page.getByRole("heading", { name: "3 done" })).toBeVisible();
  const id = await card(page, "coffee.jpg").locator("code").textContent();
  await page.route(new RegExp(`/scanrequest/${id}$`), (route) => route.fulfill({ status: 429, json: {} }));
  await page.getByRole("button", { name: "Remove all" }).click();
  await deleteButton(page).click();
  await expect(page.getByRole("heading", { name: "1 done" })).toBeVisible();
  await expect(card(page, "coffee.jpg").getByRole("alert")).toContainText("Not deleted. Too many requests");
  expect(deletions).toHaveLength(3);
});

test("the choice is closed with the keyboard, and nothing is removed", async ({ page }) => {
  await choose(page, uniqueSample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  await removeButton(page, "cat.jpg").press("Enter");
  await expect(page.getByRole("button", { name: "Remove from this page" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(removeButton(page, "cat.jpg")).toBeFocused();
  await expect(deleteButton(page)).toHaveCount(0);
  await expect(card(page, "cat.jpg")).toBeVisible();
});

test("an image that was not submitted is removed without a question", async ({ page }) => {
  await choose(page, { name: "text.jpg", mimeType: "image/jpeg", buffer: Buffer.from("not an image") });
  await expect(card(page, "text.jpg")).toHaveAttribute("data-state", "failed");
  await removeButton(page, "text.jpg").click();
  await expect(page.getByRole("article")).toHaveCount(0);
});
