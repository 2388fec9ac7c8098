import {
  card,
  choose,
  expect,
  expectAccessible,
  nextCalls,
  outcome,
  PAGE_URL,
  type Picture,
  padded,
  shoot,
  test,
  unseen,
} from "./page";

const SCANREQUEST = /\/scanrequest(\/|$)/;

function png(width: number, height: number, name = "drawn.png"): Picture {
  const buffer = Buffer.alloc(40);
  buffer.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
  buffer.writeUInt32BE(width, 16);
  buffer.writeUInt32BE(height, 20);
  return { name, mimeType: "image/png", buffer };
}

test.describe("before anything is sent, the page refuses", () => {
  const cases: [string, Picture, RegExp][] = [
    [
      "what is no picture",
      { name: "cat.jpg", mimeType: "image/jpeg", buffer: Buffer.from("a cat, truly") },
      /^Not accepted: This is not a JPEG or PNG/,
    ],
    [
      "a picture of too many bytes",
      padded(unseen("cat.jpg"), 15 * 1024 * 1024 + 1),
      /^Too large: The picture has 15\.8 MB; 15\.7 MB are the most/,
    ],
    ["a picture of too many pixels", png(10_001, 100), /^Too large: The picture has 10001 × 100 pixels/],
    ["a picture of too few pixels", png(79, 100), /^Not accepted: .*at least 80/],
    ["a picture that is damaged", png(100, 100), /^Not accepted: The picture is damaged/],
  ];

  for (const [what, picture, words] of cases)
    test(what, async ({ page }) => {
      const sent: string[] = [];
      page.on("request", (request) => SCANREQUEST.test(request.url()) && sent.push(request.url()));
      await choose(page, picture);
      await expect(outcome(card(page, picture.name))).toHaveText(words);
      await expect(page.getByRole("button", { name: /Try again/ })).toHaveCount(0);
      await expectAccessible(page);
      expect(sent).toEqual([]);
    });
});

test("the largest picture that is allowed is answered", async ({ page }) => {
  await choose(page, padded(unseen("cat.jpg"), 15 * 1024 * 1024));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
});

test("what Rekognition cannot read is told as a failure, not as a no", async ({ page }) => {
  await nextCalls({ kind: "error", next: 1, code: "InvalidImageFormatException", status: 400 });
  await choose(page, unseen("rocket.jpg"));
  await expect(outcome(card(page, "rocket.jpg"))).toHaveText(/^Could not be scanned: ./);
  await expect(card(page, "rocket.jpg")).toHaveAttribute("data-state", "failed");
  await expect(page.getByRole("heading", { name: "1 not answered" })).toBeVisible();
  await expectAccessible(page);
  await shoot(page, "failed");
});

test("a passing error of Rekognition shows as no error at all", async ({ page }) => {
  await nextCalls({ kind: "throttle", next: 1 });
  await choose(page, unseen("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
});

test.describe("the service's refusals are told apart:", () => {
  const cases: [number, RegExp][] = [
    [400, /^Not accepted: As it says/],
    [413, /^Too large: As it says/],
    [415, /^Not accepted: As it says/],
  ];

  for (const [status, words] of cases)
    test(String(status), async ({ page }) => {
      await page.route(SCANREQUEST, (route) => route.fulfill({ status, json: { message: "As it says", code: "x" } }));
      await choose(page, unseen("cat.jpg"));
      await expect(outcome(card(page, "cat.jpg"))).toHaveText(words);
      await expect(page.getByRole("button", { name: /Try again/ })).toHaveCount(0);
    });
});

for (const [status, title] of [
  [429, "Too many at once"],
  [503, "The service does not answer"],
] as const)
  test(`after a ${status} it tries again by itself, then leaves it to the person`, async ({ page }) => {
    let refused = 0;
    const json = { message: "Slow down.", code: "x" };
    await page.route(SCANREQUEST, (route) =>
      refused++ < 4 ? route.fulfill({ status, headers: { "Retry-After": "0.2" }, json }) : route.continue(),
    );
    await choose(page, unseen("cat.jpg"));
    const cat = card(page, "cat.jpg");
    await expect(cat.getByText("Slow down. It goes on by itself.")).toBeVisible();
    await expectAccessible(page);
    await expect(outcome(cat)).toHaveText(`${title}: Slow down.`);
    await page.getByRole("button", { name: "Try all again" }).click();
    await expect(outcome(cat)).toHaveText(/^Yes/);
  });

test("a request that timed out says so, and may be asked again", async ({ page }) => {
  let late = true;
  await page.route(SCANREQUEST, async (route) => {
    if (!late) return route.continue();
    const failure = { code: "timed_out", message: "No answer came in time." };
    const answer = (await (await route.fetch()).json()) as object;
    await route.fulfill({ json: { ...answer, status: "failed", failure } });
  });
  await choose(page, unseen("cat.jpg"));
  const cat = card(page, "cat.jpg");
  await expect(outcome(cat)).toHaveText("Timed out: No answer came in time.");
  await expectAccessible(page);
  late = false;
  await page.getByRole("button", { name: "Try again: cat.jpg" }).click();
  await expect(outcome(cat)).toHaveText(/^Yes/);
});

test("a request that is no longer known says so", async ({ page }) => {
  await page.goto(`${PAGE_URL}?request=${crypto.randomUUID()}`);
  await expect(outcome(page.getByRole("article"))).toHaveText(/^No longer known: ./);
  await expectAccessible(page);
});

test("what a link names is a request's id, whatever else it says", async ({ page }) => {
  await page.goto(`${PAGE_URL}?request=${encodeURIComponent("../../<b>x</b>")}`);
  await expect(outcome(page.getByRole("article"))).toHaveText(
    /^(No longer known|Not accepted|The service does not answer|Being looked at)/,
  );
  await expect(page.locator("article b")).toHaveCount(0);
});

test("without a connection it waits for one", async ({ page, context }) => {
  await context.setOffline(true);
  await choose(page, unseen("cat.jpg"));
  const cat = card(page, "cat.jpg");
  await expect(cat.getByText(/You are offline/)).toBeVisible();
  await expectAccessible(page);
  await shoot(page, "offline");
  await context.setOffline(false);
  await expect(outcome(cat)).toHaveText(/^Yes/);
});

test("a page that cannot learn where the service is says so", async ({ page }) => {
  await page.route("**/config.json", (route) => route.fulfill({ status: 404 }));
  await page.reload();
  await expect(page.getByRole("alert")).toContainText("config.json");
  await expectAccessible(page);
  await page.unroute("**/config.json");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("button", { name: "Choose pictures" })).toBeVisible();
});

test("names, labels and messages are shown as text, whatever they hold", async ({ page }) => {
  const evil = '<img src=x onerror="document.title=1">';
  await page.route(SCANREQUEST, async (route) => {
    const label = { name: evil, confidence: 97, parents: [evil], aliases: [evil], categories: [evil], boxes: [] };
    const answer = (await (await route.fetch()).json()) as object;
    const verdict = {
      status: "completed",
      label: evil,
      label_matched: false,
      match: null,
      nearest: [label],
      results: [{ label: evil, matched: false, match: null, nearest: [label] }],
      labels: [label],
    };
    await route.fulfill({ json: { ...answer, ...verdict } });
  });
  await choose(page, unseen("cat.jpg", `${evil}.jpg`));
  await expect(outcome(page.getByRole("article"))).toContainText(evil);
  await expect(page.locator('img[src="x"]')).toHaveCount(0);
  await expect(page).toHaveTitle("Is it in the picture?");
});
