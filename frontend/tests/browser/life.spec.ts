import type { Page } from "@playwright/test";
import { API_URL, ask, card, choose, expect, expectAccessible, outcome, shoot, test, unseen } from "./page";

const GET = /\/scanrequest\/[\w-]+$/;

/** Answers about requests wait until the returned function is called. */
async function holdAnswers(page: Page): Promise<() => void> {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route(GET, async (route) => {
    await released;
    await route.continue();
  });
  return release;
}

function countPosts(page: Page): { posts: number } {
  const count = { posts: 0 };
  page.on("request", (request) => {
    if (request.method() === "POST" && request.url().startsWith(API_URL)) count.posts++;
  });
  return count;
}

test("the same picture is not sent twice", async ({ page }) => {
  const count = countPosts(page);
  const picture = unseen("cat.jpg");
  await choose(page, picture, { ...picture, name: "copy.jpg" });
  await expect(page.getByRole("article")).toHaveCount(1);
  await expect(outcome(page.getByRole("article"))).toHaveText(/^Yes/);
  await page.getByRole("button", { name: "Choose pictures" }).focus();
  await choose(page, picture);
  await expect(page.getByRole("log")).toContainText("is here already; it was not sent again");
  await expect(page.getByRole("article")).toHaveCount(1);
  await expect(page.getByRole("article")).toBeFocused();
  expect(count.posts).toBe(1);
});

test("the same picture may be asked another question", async ({ page }) => {
  const picture = unseen("cat.jpg");
  await choose(page, picture);
  await ask(page, "car");
  await choose(page, picture);
  await expect(page.getByRole("heading", { name: /^Yes: a cat/ })).toBeVisible();
  await expect(page.getByRole("heading", { name: /^No car; the nearest is/ })).toBeVisible();
});

test("a page that is opened again takes up what was waiting, without sending it again", async ({ page }) => {
  const release = await holdAnswers(page);
  await choose(page, unseen("cat.jpg"));
  await expect(card(page, "cat.jpg")).toHaveAttribute("data-state", "waiting");
  await expect(card(page, "cat.jpg").locator("code")).toBeVisible();
  release();
  const count = countPosts(page);
  await page.reload();
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  await expect(card(page, "cat.jpg").getByRole("img")).toBeVisible();
  expect(count.posts).toBe(0);
});

test("a page that is opened again sends what it had not sent", async ({ page }) => {
  await page.route(/\/scanrequest$/, () => {});
  await choose(page, unseen("cat.jpg"), unseen("coffee.jpg"), unseen("rocket.jpg"), unseen("astronaut.jpg"));
  await expect(page.locator('[data-state="sending"]')).toHaveCount(3);
  await expect(page.locator('[data-state="queued"]')).toHaveCount(1);
  await expectAccessible(page);
  await shoot(page, "sending");
  await page.unroute(/\/scanrequest$/);
  await page.reload();
  await expect(page.getByRole("heading", { name: "4 answered" })).toBeVisible({ timeout: 40_000 });
});

test("what is cancelled stays cancelled, until it is tried again", async ({ page }) => {
  const release = await holdAnswers(page);
  const count = countPosts(page);
  await choose(page, unseen("cat.jpg"), unseen("coffee.jpg"));
  await expect(page.locator('[data-state="waiting"]')).toHaveCount(2);
  await page.getByRole("button", { name: "Cancel: cat.jpg" }).click();
  await expect(outcome(card(page, "cat.jpg"))).toHaveText("Cancelled");
  await page.getByRole("button", { name: "Cancel all" }).click();
  await expect(page.getByRole("heading", { name: "2 cancelled" })).toBeVisible();
  release();
  await page.getByRole("button", { name: "Try again: cat.jpg" }).click();
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  await page.getByRole("button", { name: "Try all again" }).click();
  await expect(outcome(card(page, "coffee.jpg"))).toHaveText(/^No cat/);
  expect(count.posts).toBe(2);
});

test("forgetting one and forgetting all last", async ({ page }) => {
  await choose(page, unseen("cat.jpg"), unseen("coffee.jpg"));
  await expect(page.getByRole("heading", { name: "2 answered" })).toBeVisible();
  await page.getByRole("button", { name: "Forget: cat.jpg" }).click();
  await expect(page.getByRole("heading", { name: "1 answered" })).toBeFocused();
  await page.reload();
  await expect(card(page, "coffee.jpg")).toBeVisible();
  await expect(card(page, "cat.jpg")).toHaveCount(0);
  await page.getByRole("button", { name: "Forget all" }).click();
  await page.reload();
  await expect(page.getByRole("heading", { name: "No pictures yet" })).toBeVisible();
});

test("it asks only while somebody looks", async ({ page }) => {
  await hide(page, true);
  const asked: string[] = [];
  page.on("request", (request) => GET.test(request.url()) && asked.push(request.url()));
  await choose(page, unseen("cat.jpg"));
  await expect(card(page, "cat.jpg")).toHaveAttribute("data-state", "waiting");
  await page.waitForTimeout(3_000);
  expect(asked).toEqual([]);
  await hide(page, false);
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
});

test("addresses of pictures that are no longer shown are given back", async ({ page }) => {
  await page.evaluate(() => {
    const { createObjectURL, revokeObjectURL } = URL;
    const open = new Set<string>();
    Object.assign(globalThis, { openUrls: open });
    URL.createObjectURL = (blob) => {
      const url = createObjectURL.call(URL, blob);
      open.add(url);
      return url;
    };
    URL.revokeObjectURL = (url) => {
      open.delete(url);
      revokeObjectURL.call(URL, url);
    };
  });
  const open = () => page.evaluate(() => (globalThis as unknown as { openUrls: Set<string> }).openUrls.size);
  await choose(page, unseen("cat.jpg"), unseen("coffee.jpg"));
  await expect(page.getByRole("heading", { name: "2 answered" })).toBeVisible();
  expect(await open()).toBe(2);
  await page.getByRole("button", { name: "Forget all" }).click();
  await expect.poll(open).toBe(0);
});

/** Playwright's pages are never hidden by themselves. */
async function hide(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((value) => {
    Object.defineProperty(document, "hidden", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
}
