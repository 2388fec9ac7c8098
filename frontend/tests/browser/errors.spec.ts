import {
  API_URL,
  card,
  choose,
  expect,
  expectAccessible,
  type ImageFile,
  injectFault,
  outcome,
  PAGE_URL,
  padded,
  takeScreenshot,
  test,
  uniqueSample,
} from "./harness";

const SCANREQUEST = /\/scanrequest(\/|$)/;

function png(width: number, height: number, name = "drawn.png"): ImageFile {
  const buffer = Buffer.alloc(40);
  buffer.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
  buffer.writeUInt32BE(width, 16);
  buffer.writeUInt32BE(height, 20);
  return { name, mimeType: "image/png", buffer };
}

/** A PNG of Apple's variant, whose first chunk is not IHDR. */
function cgbi(): ImageFile {
  const { buffer, ...image } = png(100, 100, "apple.png");
  const chunk = Buffer.from([0, 0, 0, 4, 0x43, 0x67, 0x42, 0x49, 0x50, 0, 0x20, 6, 0x2b, 0xd5, 0xb3, 0x7f]);
  return { ...image, buffer: Buffer.concat([buffer.subarray(0, 8), chunk, buffer.subarray(8)]) };
}

test.describe("before a submission, the page rejects", () => {
  const cases: [string, ImageFile, RegExp][] = [
    [
      "a file that is not an image",
      { name: "cat.jpg", mimeType: "image/jpeg", buffer: Buffer.from("not an image") },
      /^Not accepted: The file is not an image in a supported format/,
    ],
    ["a PNG in Apple's CgBI variant", cgbi(), /^Not accepted: The image cannot be read\. Save it again as JPEG or PNG/],
    ["an image with too few pixels", png(79, 100), /^Not accepted: .*between 80 and 10,000 pixels/],
    ["a corrupt image", png(100, 100), /^Not accepted: The image cannot be read/],
  ];

  for (const [description, image, text] of cases)
    test(description, async ({ page }) => {
      const sent: string[] = [];
      page.on("request", (request) => SCANREQUEST.test(request.url()) && sent.push(request.url()));
      await choose(page, image);
      await expect(outcome(card(page, image.name))).toHaveText(text);
      await expect(page.getByRole("button", { name: /^Retry/ })).toHaveCount(0);
      await expectAccessible(page);
      expect(sent).toEqual([]);
    });
});

test("an image of the maximum size is scanned", async ({ page }) => {
  await choose(page, padded(uniqueSample("cat.jpg"), 15 * 1024 * 1024));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
});

test("an image that Rekognition rejects is an error, not a no", async ({ page }) => {
  await injectFault({ kind: "error", next: 1, code: "InvalidImageFormatException", status: 400 });
  await choose(page, uniqueSample("rocket.jpg"));
  await expect(outcome(card(page, "rocket.jpg"))).toHaveText(/^Scan failed: ./);
  await expect(card(page, "rocket.jpg")).toHaveAttribute("data-state", "failed");
  await expect(page.getByRole("heading", { name: "1 failed" })).toBeVisible();
  await expectAccessible(page);
  await takeScreenshot(page, "failed");
});

test("a transient Rekognition error is not shown", async ({ page }) => {
  await injectFault({ kind: "throttle", next: 1 });
  await choose(page, uniqueSample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
});

test.describe("an API error has its own title:", () => {
  const cases: [number, RegExp][] = [
    [400, /^Not accepted: Reason/],
    [413, /^Too large: Reason/],
    [415, /^Not accepted: Reason/],
  ];

  for (const [status, text] of cases)
    test(String(status), async ({ page }) => {
      await page.route(SCANREQUEST, (route) => route.fulfill({ status, json: { message: "Reason", code: "x" } }));
      await choose(page, uniqueSample("cat.jpg"));
      await expect(outcome(card(page, "cat.jpg"))).toHaveText(text);
      await expect(page.getByRole("button", { name: /^Retry/ })).toHaveCount(0);
    });
});

for (const [status, title] of [
  [429, "Too many requests"],
  [503, "Service unavailable"],
] as const)
  test(`a ${status} response is retried until it succeeds`, async ({ page }) => {
    let attempts = 0;
    const json = { message: "Slow down.", code: "x" };
    await page.route(SCANREQUEST, (route) =>
      attempts++ < 3 ? route.fulfill({ status, headers: { "Retry-After": "0.2" }, json }) : route.continue(),
    );
    await choose(page, uniqueSample("cat.jpg"));
    const cat = card(page, "cat.jpg");
    await expect(
      cat.getByText(`${title}. Slow down. The page tries again while it is open. Next attempt at`),
    ).toBeVisible();
    await expectAccessible(page);
    await expect(outcome(cat)).toHaveText(/^Yes/);
  });

test("while the service is stopped, the page keeps trying with growing delays", async ({ page }) => {
  await page.clock.install();
  let isStopped = true;
  let attempts = 0;
  await page.route(SCANREQUEST, (route) => {
    attempts++;
    return isStopped ? route.abort("connectionrefused") : route.continue();
  });
  await choose(page, uniqueSample("cat.jpg"));
  const cat = card(page, "cat.jpg");
  await expect(cat.getByText("The service is unreachable.")).toBeVisible();
  const next = cat.getByText("Next attempt at");
  const now = () => page.evaluate(() => Date.now());
  const stoppedAt = await now();
  while (attempts < 8) {
    const before = await next.textContent();
    const advance = () => page.clock.runFor(10_000).then(() => next.textContent());
    await expect.poll(advance, { intervals: [50] }).not.toBe(before); // the attempt has ended
  }
  expect((await now()) - stoppedAt).toBeLessThan(600_000);
  expect(attempts).toBeGreaterThan(5);
  expect(attempts).toBeLessThan(20);
  await expect(cat).toHaveAttribute("data-state", "uploading");
  await takeScreenshot(page, "retrying");
  isStopped = false;
  await page.clock.runFor(80_000);
  await page.clock.resume();
  await expect(outcome(cat)).toHaveText(/^Yes/);
});

test("a request whose attempts are exhausted can be retried", async ({ page }) => {
  let isExhausted = true;
  await page.route(SCANREQUEST, async (route) => {
    if (!isExhausted) return route.continue();
    const failure = { code: "attempts_exhausted", message: "The scan failed repeatedly. Submit the image again." };
    const request = (await (await route.fetch()).json()) as object;
    await route.fulfill({ json: { ...request, status: "failed", failure } });
  });
  await choose(page, uniqueSample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Scan failed: The scan failed repeatedly/);
  isExhausted = false;
  await page.getByRole("button", { name: "Retry: cat.jpg" }).click();
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
});

test("a request that timed out shows the reason and can be retried", async ({ page }) => {
  let isLate = true;
  await page.route(SCANREQUEST, async (route) => {
    if (!isLate) return route.continue();
    const failure = { code: "timed_out", message: "The deadline passed." };
    const request = (await (await route.fetch()).json()) as object;
    await route.fulfill({ json: { ...request, status: "failed", failure } });
  });
  await choose(page, uniqueSample("cat.jpg"));
  const cat = card(page, "cat.jpg");
  await expect(outcome(cat)).toHaveText("Timed out: The deadline passed.");
  await expectAccessible(page);
  isLate = false;
  await page.getByRole("button", { name: "Retry: cat.jpg" }).click();
  await expect(outcome(cat)).toHaveText(/^Yes/);
});

test("an unknown request shows an error", async ({ page }) => {
  await page.goto(`${PAGE_URL}?request=${crypto.randomUUID()}`);
  await expect(outcome(page.getByRole("article"))).toHaveText(/^Request not found: ./);
  await expectAccessible(page);
});

test("a link without a valid request ID shows what is wrong, and makes no call", async ({ page }) => {
  const calls: string[] = [];
  page.on("request", (request) => request.url().startsWith(API_URL) && calls.push(request.url()));
  await page.goto(`${PAGE_URL}?request=${encodeURIComponent("../../<b>x</b>")}`);
  await expect(page.getByText("A request ID has 36 characters")).toBeVisible();
  await expect(page.getByLabel("Request ID or link")).toHaveValue("../../<b>x</b>");
  await expect(page.getByRole("article")).toHaveCount(0);
  expect(calls).toEqual([]);
  await expectAccessible(page);
});

test("an offline page waits until it is online", async ({ page, context }) => {
  await context.setOffline(true);
  await choose(page, uniqueSample("cat.jpg"));
  const cat = card(page, "cat.jpg");
  await expect(cat.getByText(/You are offline/)).toBeVisible();
  await expectAccessible(page);
  await takeScreenshot(page, "offline");
  await context.setOffline(false);
  await expect(outcome(cat)).toHaveText(/^Yes/);
});

test("a missing config.json shows an error", async ({ page }) => {
  await page.route("**/config.json", (route) => route.fulfill({ status: 404 }));
  await page.reload();
  await expect(page.getByRole("alert")).toContainText("config.json");
  await expectAccessible(page);
  await page.unroute("**/config.json");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("button", { name: "Choose images" })).toBeVisible();
});

test("names, labels and messages are shown as text, not as HTML", async ({ page }) => {
  const html = '<img src=x onerror="document.title=1">';
  await page.route(SCANREQUEST, async (route) => {
    const label = { name: html, confidence: 97, parents: [html], aliases: [html], categories: [html], boxes: [] };
    const request = (await (await route.fetch()).json()) as object;
    const verdict = {
      status: "completed",
      label: html,
      label_matched: false,
      match: null,
      closest_labels: [label],
      results: [{ feature: "labels", label: html, matched: false, match: null, closest_labels: [label] }],
      labels: [label],
    };
    await route.fulfill({ json: { ...request, ...verdict } });
  });
  await choose(page, uniqueSample("cat.jpg", `${html}.jpg`));
  await expect(outcome(page.getByRole("article"))).toContainText(html);
  await expect(page.locator('img[src="x"]')).toHaveCount(0);
  await expect(page).toHaveTitle("Is it in the picture?");
});
