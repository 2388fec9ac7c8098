import type { Page, Request, Route } from "@playwright/test";
import {
  card,
  choose,
  expect,
  expectAccessible,
  outcome,
  PAGE_URL,
  padded,
  recordSubmissions,
  recordUploads,
  takeScreenshot,
  test,
  uniqueSample,
} from "./harness";

const SUBMIT = /\/scanrequest$/;
const UPLOAD = /\/uploads\//;

const idempotencyKey = (request: Request) => request.headers()["idempotency-key"];
const bodyOf = (request: Request) => request.postDataJSON() as Record<string, unknown>;

/** Intercept the first upload. Later ones are not changed. */
async function interceptFirstUpload(page: Page, intercept: (route: Route) => Promise<void>): Promise<void> {
  let isIntercepted = false;
  await page.route(UPLOAD, (route) => {
    if (isIntercepted) return route.continue();
    isIntercepted = true;
    return intercept(route);
  });
}

/** Backdate a presigned URL by one day, so that it has expired. */
function expiredUrl(url: string): string {
  const expired = new URL(url);
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().replace(/[-:]|\.\d+/g, "");
  expired.searchParams.set("X-Amz-Date", yesterday);
  return expired.href;
}

test("a known image is not uploaded", async ({ page, browser }) => {
  const image = uniqueSample("cat.jpg");
  await choose(page, image);
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);

  const otherPage = await (await browser.newContext()).newPage();
  await otherPage.goto(PAGE_URL);
  await expect(otherPage.getByRole("button", { name: "Choose images" })).toBeVisible();
  const sent: Request[] = [];
  otherPage.on("request", (request) => request.url().startsWith("http") && sent.push(request));
  await choose(otherPage, image);
  await expect(outcome(card(otherPage, "cat.jpg"))).toHaveText(/^Yes/);
  expect(sent.map((request) => request.method())).toEqual(["POST"]);
  expect(Object.keys(bodyOf(sent[0] as Request))).toEqual([
    "sha256",
    "size",
    "fileType",
    "labels",
    "match_mode",
    "min_confidence",
  ]);
  await otherPage.context().close();
});

test("an image of 12 MB is uploaded with a progress bar", async ({ page }) => {
  const [posts, puts] = [recordSubmissions(page), recordUploads(page)];
  const network = await page.context().newCDPSession(page);
  const uploadThroughput = 2_000_000;
  await network.send("Network.enable");
  await network.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput,
  });
  await choose(page, padded(uniqueSample("cat.jpg"), 12_000_000));
  const cat = card(page, "cat.jpg");
  const sent = () => cat.getByRole("progressbar").evaluate((bar: HTMLProgressElement) => bar.value);
  await expect.poll(sent).toBeGreaterThan(0.2);
  expect(await sent()).toBeLessThan(1);
  await takeScreenshot(page, "uploading");
  await expect(outcome(cat)).toHaveText(/^Yes/);
  expect([posts.length, puts.length]).toEqual([1, 1]);
});

for (const [description, intercept] of [
  ["with other bytes than submitted", (route: Route) => route.continue({ postData: "other bytes" })],
  ["with an expired URL", (route: Route) => route.continue({ url: expiredUrl(route.request().url()) })],
] as const)
  test(`an upload ${description} is rejected by S3 and repeated for the same request`, async ({ page }) => {
    const [posts, puts] = [recordSubmissions(page), recordUploads(page)];
    await interceptFirstUpload(page, intercept);
    await choose(page, uniqueSample("cat.jpg"));
    await expect(card(page, "cat.jpg").getByText("S3 rejected the upload.")).toBeVisible();
    await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
    const statuses = await Promise.all(puts.map(async (put) => (await put.response())?.status()));
    expect([400, 403]).toContain(statuses[0]);
    expect(statuses.slice(1)).toEqual([200]);
    expect(posts).toHaveLength(2);
    expect(new Set(posts.map(idempotencyKey)).size).toBe(1);
    const ids = await Promise.all(posts.map(async (post) => (await (await post.response())?.json())?.request_id));
    expect(new Set(ids).size).toBe(1);
  });

for (const [status, puts] of [
  [412, 1],
  [409, 2],
] as const)
  test(`an upload that S3 answers with ${status} is sent ${puts} times`, async ({ page }) => {
    const recorded = recordUploads(page);
    await interceptFirstUpload(page, async (route) => {
      if (status === 412) await route.fetch(); // an earlier upload has stored the image
      await route.fulfill({ status, body: "<Error/>" });
    });
    await choose(page, uniqueSample("cat.jpg"));
    await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
    expect(recorded).toHaveLength(puts);
  });

test("the header If-None-Match is sent if the API requests it", async ({ page }) => {
  const recorded = recordUploads(page);
  await page.route(SUBMIT, async (route) => {
    const response = await route.fetch();
    const request = await response.json();
    request.upload.headers["If-None-Match"] = "*";
    await route.fulfill({ response, json: request });
  });
  await choose(page, uniqueSample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  expect(recorded.map((put) => put.headers()["if-none-match"])).toEqual(["*"]);
});

test("an upload that S3 always rejects fails and can be retried by the user", async ({ page }) => {
  await page.route(UPLOAD, (route) => route.continue({ postData: "other bytes" }));
  await choose(page, uniqueSample("cat.jpg"));
  const cat = card(page, "cat.jpg");
  await expect(outcome(cat)).toHaveText("Upload failed: S3 rejected the upload.");
  await expectAccessible(page);
  await page.unroute(UPLOAD);
  await page.getByRole("button", { name: "Retry: cat.jpg" }).click();
  await expect(outcome(cat)).toHaveText(/^Yes/);
});

test("an interrupted large upload is repeated without another submission", async ({ page }) => {
  const [posts, puts] = [recordSubmissions(page), recordUploads(page)];
  await interceptFirstUpload(page, (route) => route.abort("connectionreset"));
  await choose(page, padded(uniqueSample("cat.jpg"), 6_000_000));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  expect([posts.length, puts.length]).toEqual([1, 2]);
});

test("a small image is sent in the request body if S3 is unreachable", async ({ page }) => {
  const posts = recordSubmissions(page);
  await page.route(UPLOAD, (route) => route.abort());
  await choose(page, uniqueSample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  expect(posts.map((post) => "file" in bodyOf(post))).toEqual([false, true]);
});

test("a lost response does not lead to a second request", async ({ page }) => {
  const posts = recordSubmissions(page);
  let lost: { request_id?: string } = {};
  await page.route(
    SUBMIT,
    async (route) => {
      lost = await (await route.fetch()).json();
      await route.abort("connectionreset");
    },
    { times: 1 },
  );
  await choose(page, uniqueSample("cat.jpg"));
  const cat = card(page, "cat.jpg");
  await expect(outcome(cat)).toHaveText(/^Yes/);
  expect(posts).toHaveLength(2);
  expect(await cat.locator("code").textContent()).toBe(lost.request_id);
});

test.describe("outside a secure context, without a hash,", () => {
  test.beforeEach(async ({ page }) => {
    await page.addInitScript(() => Object.defineProperty(globalThis, "isSecureContext", { value: false }));
    await page.reload();
  });

  test("an image is sent in the request body", async ({ page }) => {
    const [posts, puts] = [recordSubmissions(page), recordUploads(page)];
    await choose(page, padded(uniqueSample("cat.jpg"), 4_500_000));
    await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
    expect(posts.map((post) => "file" in bodyOf(post))).toEqual([true]);
    expect(puts).toEqual([]);
  });

  test("the page shows and enforces a lower size limit", async ({ page }) => {
    await expect(page.getByText("up to 4.5 MB each")).toBeVisible();
    await choose(page, padded(uniqueSample("cat.jpg"), 4_500_001));
    await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
    await expect(card(page, "cat.jpg").getByText("the image was reduced from 4.6 MB to 0.1 MB.")).toBeVisible();
  });
});
