import type { Page, Request, Route } from "@playwright/test";
import {
  card,
  choose,
  expect,
  expectAccessible,
  outcome,
  PAGE_URL,
  padded,
  shoot,
  submissions,
  test,
  unseen,
  uploads,
} from "./page";

const SUBMIT = /\/scanrequest$/;
const UPLOAD = /\/images\//;

const key = (request: Request) => request.headers()["idempotency-key"];
const asked = (request: Request) => request.postDataJSON() as Record<string, unknown>;

/** What happens to the first upload; later ones go through. */
async function meddleOnce(page: Page, meddle: (route: Route) => Promise<void>): Promise<void> {
  let meddled = false;
  await page.route(UPLOAD, (route) => {
    if (meddled) return route.continue();
    meddled = true;
    return meddle(route);
  });
}

/** The same upload by an address that was signed a day earlier. */
function longAgo(url: string): string {
  const old = new URL(url);
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().replace(/[-:]|\.\d+/g, "");
  old.searchParams.set("X-Amz-Date", yesterday);
  return old.href;
}

test("a picture that the service knows is answered without a byte of it being sent", async ({ page, browser }) => {
  const picture = unseen("cat.jpg");
  await choose(page, picture);
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);

  const elsewhere = await (await browser.newContext()).newPage();
  await elsewhere.goto(PAGE_URL);
  await expect(elsewhere.getByRole("button", { name: "Choose pictures" })).toBeVisible();
  const sent: Request[] = [];
  elsewhere.on("request", (request) => request.url().startsWith("http") && sent.push(request));
  await choose(elsewhere, picture);
  await expect(outcome(card(elsewhere, "cat.jpg"))).toHaveText(/^Yes/);
  expect(sent.map((request) => request.method())).toEqual(["POST"]);
  expect(Object.keys(asked(sent[0] as Request))).toEqual([
    "sha256",
    "size",
    "fileType",
    "labels",
    "match",
    "min_confidence",
  ]);
  await elsewhere.context().close();
});

test("a picture of 12 MB is uploaded, and shows how far it has come", async ({ page }) => {
  const [posts, puts] = [submissions(page), uploads(page)];
  const network = await page.context().newCDPSession(page);
  const uploadThroughput = 2_000_000;
  await network.send("Network.enable");
  await network.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput,
  });
  await choose(page, padded(unseen("cat.jpg"), 12_000_000));
  const cat = card(page, "cat.jpg");
  const sent = () => cat.getByRole("progressbar").evaluate((bar: HTMLProgressElement) => bar.value);
  await expect.poll(sent).toBeGreaterThan(0.2);
  expect(await sent()).toBeLessThan(1);
  await shoot(page, "uploading");
  await expect(outcome(cat)).toHaveText(/^Yes/);
  expect([posts.length, puts.length]).toEqual([1, 1]);
});

for (const [what, meddle] of [
  ["whose bytes were tampered with", (route: Route) => route.continue({ postData: "other bytes" })],
  ["whose address has expired", (route: Route) => route.continue({ url: longAgo(route.request().url()) })],
] as const)
  test(`an upload ${what} is refused by the storage, and goes out anew as the same request`, async ({ page }) => {
    const [posts, puts] = [submissions(page), uploads(page)];
    await meddleOnce(page, meddle);
    await choose(page, unseen("cat.jpg"));
    await expect(card(page, "cat.jpg").getByText("The storage refused the picture.")).toBeVisible();
    await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
    const statuses = await Promise.all(puts.map(async (put) => (await put.response())?.status()));
    expect([400, 403]).toContain(statuses[0]);
    expect(statuses.slice(1)).toEqual([200]);
    expect(posts).toHaveLength(2);
    expect(new Set(posts.map(key)).size).toBe(1);
    const ids = await Promise.all(posts.map(async (post) => (await (await post.response())?.json())?.request_id));
    expect(new Set(ids).size).toBe(1);
  });

test("an upload that the storage refuses each time is told, and may be tried again", async ({ page }) => {
  await page.route(UPLOAD, (route) => route.continue({ postData: "other bytes" }));
  await choose(page, unseen("cat.jpg"));
  const cat = card(page, "cat.jpg");
  await expect(outcome(cat)).toHaveText("Could not be sent: The storage refused the picture.");
  await expectAccessible(page);
  await page.unroute(UPLOAD);
  await page.getByRole("button", { name: "Try again: cat.jpg" }).click();
  await expect(outcome(cat)).toHaveText(/^Yes/);
});

test("a large upload that was broken off is repeated without asking anew", async ({ page }) => {
  const [posts, puts] = [submissions(page), uploads(page)];
  await meddleOnce(page, (route) => route.abort("connectionreset"));
  await choose(page, padded(unseen("cat.jpg"), 6_000_000));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  expect([posts.length, puts.length]).toEqual([1, 2]);
});

test("where the storage cannot be reached, a small picture goes with the question", async ({ page }) => {
  const posts = submissions(page);
  await page.route(UPLOAD, (route) => route.abort());
  await choose(page, unseen("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  expect(posts.map((post) => "file" in asked(post))).toEqual([false, true]);
});

test("an answer that was lost on its way makes no second request", async ({ page }) => {
  const posts = submissions(page);
  let lost: { request_id?: string } = {};
  await page.route(
    SUBMIT,
    async (route) => {
      lost = await (await route.fetch()).json();
      await route.abort("connectionreset");
    },
    { times: 1 },
  );
  await choose(page, unseen("cat.jpg"));
  const cat = card(page, "cat.jpg");
  await expect(outcome(cat)).toHaveText(/^Yes/);
  expect(posts).toHaveLength(2);
  expect(await cat.locator("code").textContent()).toBe(lost.request_id);
});

test.describe("outside a secure context, where a page cannot compute a hash,", () => {
  test.beforeEach(async ({ page }) => {
    await page.addInitScript(() => Object.defineProperty(globalThis, "isSecureContext", { value: false }));
    await page.reload();
  });

  test("a picture goes with the question", async ({ page }) => {
    const [posts, puts] = [submissions(page), uploads(page)];
    await choose(page, padded(unseen("cat.jpg"), 4_500_000));
    await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
    expect(posts.map((post) => "file" in asked(post))).toEqual([true]);
    expect(puts).toEqual([]);
  });

  test("less is taken, and the page says so", async ({ page }) => {
    await expect(page.getByText("up to 4.5 MB each")).toBeVisible();
    await choose(page, padded(unseen("cat.jpg"), 4_500_001));
    await expect(outcome(card(page, "cat.jpg"))).toHaveText(
      /^Too large: The picture has 4\.6 MB; 4\.5 MB are the most/,
    );
  });
});
