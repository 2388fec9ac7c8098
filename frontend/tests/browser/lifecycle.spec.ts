import type { Page } from "@playwright/test";
import {
  API_URL,
  card,
  choose,
  expect,
  expectAccessible,
  fillQuestion,
  outcome,
  takeScreenshot,
  test,
  uniqueSample,
} from "./harness";

const GET = /\/scanrequest(\/[\w-]+|s\?ids=.+)$/;

/** Hold back polls until the returned function is called. */
async function holdPolls(page: Page): Promise<() => void> {
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

/** Count the images that are submitted. Images that are added together are submitted in one request. */
function countPosts(page: Page): { posts: number } {
  const count = { posts: 0 };
  page.on("request", (request) => {
    if (request.method() !== "POST" || !request.url().startsWith(API_URL)) return;
    count.posts += request.postDataJSON().entries?.length ?? 1;
  });
  return count;
}

test("the same image is not submitted twice", async ({ page }) => {
  const count = countPosts(page);
  const image = uniqueSample("cat.jpg");
  await choose(page, image, { ...image, name: "copy.jpg" });
  await expect(page.getByRole("article")).toHaveCount(1);
  await expect(outcome(page.getByRole("article"))).toHaveText(/^Yes/);
  await page.getByRole("button", { name: "Choose images" }).focus();
  await choose(page, image);
  await expect(page.getByRole("log")).toContainText("was already added");
  await expect(page.getByRole("article")).toHaveCount(1);
  await expect(page.getByRole("article")).toBeFocused();
  expect(count.posts).toBe(1);
});

test("the same image can be submitted with another question", async ({ page }) => {
  const image = uniqueSample("cat.jpg");
  await choose(page, image);
  await fillQuestion(page, "car");
  await choose(page, image);
  await expect(page.getByRole("heading", { name: /^Yes: a cat/ })).toBeVisible();
  await expect(page.getByRole("heading", { name: /^No car\. It (shows|may show) / })).toBeVisible();
});

test("the result of a single image takes one request, which the service holds", async ({ page }) => {
  const preferences: (string | undefined)[] = [];
  page.on("request", (request) => GET.test(request.url()) && preferences.push(request.headers().prefer));
  await choose(page, uniqueSample("cat.jpg"));
  await expect(outcome(page.getByRole("article"))).toHaveText(/^Yes/);
  expect(preferences).toEqual(["wait=20"]);
});

test("after the URL of the API has changed, the page asks for a reload, which resumes", async ({ page }) => {
  const noApi = API_URL.replace(/restapis\/\w+/, "restapis/0000");
  await page.route("**/config.json", (route) => route.fulfill({ json: { apiUrl: noApi } }));
  await page.reload();
  await choose(page, uniqueSample("cat.jpg"));
  await expect(card(page, "cat.jpg")).toContainText("It may have moved. Reload the page to continue.");
  await takeScreenshot(page, "reload-required");
  await page.unroute("**/config.json");
  await page.reload();
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
});

test("an image whose request does not exist any more can be submitted again", async ({ page }) => {
  const gone = `${API_URL}/scanrequest/00000000-0000-4000-8000-000000000000`;
  await page.route(GET, (route) => route.continue({ url: gone }));
  await choose(page, uniqueSample("cat.jpg"));
  await expect(outcome(page.getByRole("article"))).toHaveText(/^Request not found/);
  await page.unroute(GET);
  await page.getByRole("button", { name: "Retry: cat.jpg" }).click();
  await expect(outcome(page.getByRole("article"))).toHaveText(/^Yes/);
});

test("a reload resumes polling without another submission", async ({ page }) => {
  const release = await holdPolls(page);
  await choose(page, uniqueSample("cat.jpg"));
  await expect(card(page, "cat.jpg")).toHaveAttribute("data-state", "scanning");
  await expect(card(page, "cat.jpg").locator("code")).toBeVisible();
  release();
  const count = countPosts(page);
  await page.reload();
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  await expect(card(page, "cat.jpg").getByRole("img")).toBeVisible();
  expect(count.posts).toBe(0);
});

test("a reload resumes unfinished submissions", async ({ page }) => {
  await page.route(/\/scanrequests?$/, () => {});
  await choose(
    page,
    uniqueSample("cat.jpg"),
    uniqueSample("coffee.jpg"),
    uniqueSample("rocket.jpg"),
    uniqueSample("astronaut.jpg"),
  );
  await expect(page.locator('[data-state="uploading"]')).toHaveCount(4);
  await expectAccessible(page);
  await takeScreenshot(page, "unfinished");
  await page.unroute(/\/scanrequests?$/);
  await page.reload();
  await expect(page.getByRole("heading", { name: "4 done" })).toBeVisible({ timeout: 40_000 });
});

test("a cancelled scan stays cancelled until it is retried", async ({ page }) => {
  const release = await holdPolls(page);
  const count = countPosts(page);
  await choose(page, uniqueSample("cat.jpg"), uniqueSample("coffee.jpg"));
  await expect(page.locator('[data-state="scanning"]')).toHaveCount(2);
  await page.getByRole("button", { name: "Cancel: cat.jpg" }).click();
  await expect(outcome(card(page, "cat.jpg"))).toHaveText("Cancelled");
  await page.getByRole("button", { name: "Cancel all" }).click();
  await expect(page.getByRole("heading", { name: "2 cancelled" })).toBeVisible();
  release();
  await page.getByRole("button", { name: "Retry: cat.jpg" }).click();
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  await page.getByRole("button", { name: "Retry all" }).click();
  await expect(outcome(card(page, "coffee.jpg"))).toHaveText(/^No cat/);
  expect(count.posts).toBe(2);
});

test("removed images stay removed after a reload", async ({ page }) => {
  await choose(page, uniqueSample("cat.jpg"), uniqueSample("coffee.jpg"));
  await expect(page.getByRole("heading", { name: "2 done" })).toBeVisible();
  await page.getByRole("button", { name: "Remove: cat.jpg" }).click();
  await page.getByRole("button", { name: "Remove from this page" }).click();
  await expect(page.getByRole("heading", { name: "1 done" })).toBeFocused();
  await page.reload();
  await expect(card(page, "coffee.jpg")).toBeVisible();
  await expect(card(page, "cat.jpg")).toHaveCount(0);
  await page.getByRole("button", { name: "Remove all" }).click();
  await page.getByRole("button", { name: "Remove from this page" }).click();
  await page.reload();
  await expect(page.getByRole("heading", { name: "No images yet" })).toBeVisible();
});

test("the page polls only while it is visible", async ({ page }) => {
  await setHidden(page, true);
  const polls: string[] = [];
  page.on("request", (request) => GET.test(request.url()) && polls.push(request.url()));
  await choose(page, uniqueSample("cat.jpg"));
  await expect(card(page, "cat.jpg")).toHaveAttribute("data-state", "scanning");
  await page.waitForTimeout(3_000);
  expect(polls).toEqual([]);
  await setHidden(page, false);
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
});

test("object URLs of removed images are revoked", async ({ page }) => {
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
  await choose(page, uniqueSample("cat.jpg"), uniqueSample("coffee.jpg"));
  await expect(page.getByRole("heading", { name: "2 done" })).toBeVisible();
  expect(await open()).toBe(2);
  await page.getByRole("button", { name: "Remove all" }).click();
  await page.getByRole("button", { name: "Remove from this page" }).click();
  await expect.poll(open).toBe(0);
});

/** Simulate page visibility, because pages in Playwright are always visible. */
async function setHidden(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((value) => {
    Object.defineProperty(document, "hidden", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
}
