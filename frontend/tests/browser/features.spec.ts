import { readFileSync } from "node:fs";
import type { Locator, Page } from "@playwright/test";
import type { ModerationLabel, ScanRequest, TextLine } from "../../src/api/types";
import {
  API_URL,
  card,
  choose,
  expect,
  expectAccessible,
  type ImageFile,
  outcome,
  PAGE_URL,
  recordSubmissions,
  recordUploads,
  sample,
  selectFeatures,
  takeScreenshot,
  test,
  uniqueSample,
} from "./harness";

const SUBMISSIONS = /\/scanrequests?$/;
const QUESTIONS = /\/questions$/;

const newScan = (page: Page) => page.getByRole("region", { name: "New scan" });
const termsField = (within: Locator, name: string) => within.getByRole("combobox", { name: new RegExp(`^${name}`) });
const textLines = (card: Locator) => card.getByRole("list", { name: "Text found" }).getByRole("listitem");
const moderationLabels = (card: Locator) => card.getByRole("list", { name: "Moderation labels found" });
const revealButton = (within: Locator, name: string) => within.getByRole("button", { name: `Show image ${name}` });
const blurOf = (image: Locator) => image.evaluate((element) => getComputedStyle(element).filter);

async function scan(page: Page, image: ImageFile, ...features: string[]): Promise<Locator> {
  await selectFeatures(newScan(page), ...features);
  await choose(page, image);
  const scanned = card(page, image.name);
  await expect(scanned).toHaveAttribute("data-state", "completed");
  return scanned;
}

async function openFollowUp(card: Locator, ...features: string[]): Promise<Locator> {
  await card.getByText("Ask a follow-up question").click();
  const form = card.getByRole("form");
  await selectFeatures(form, ...features);
  return form;
}

/** Change the findings in all responses of the API that contain a complete request. */
async function changeFindings(page: Page, change: (request: ScanRequest) => Partial<ScanRequest>): Promise<void> {
  await page.route(/\/scanrequest(\/[\w-]+)?$/, async (route) => {
    const response = await route.fetch();
    const request = (await response.json()) as ScanRequest;
    if (request.status !== "completed") return route.fulfill({ response });
    return route.fulfill({ response, json: { ...request, ...change(request) } });
  });
}

const moderation = (...labels: ModerationLabel[]) => ({ moderation: { labels, model_version: "7.0" } });

test("several features are asked about at once", async ({ page }) => {
  const submissions = recordSubmissions(page);
  await selectFeatures(newScan(page), "Labels", "Moderation", "Text");
  await expect(termsField(newScan(page), "Moderation labels to find")).toHaveValue("*");
  await termsField(newScan(page), "Labels to find").fill("bottle");
  await termsField(newScan(page), "Text to find").fill("cabernet, exit");
  await page.getByRole("combobox", { name: "Match" }).selectOption("all");
  await choose(page, sample("wine-bottle.png"));
  const bottle = card(page, "wine-bottle.png");
  await expect(outcome(bottle)).toHaveText(
    /^No: .* and the moderation label “Alcohol.*” \(\d+\.\d%\) and the text “cabernet” \(\d+\.\d%\), but no text “exit”$/,
  );
  await expect(bottle.getByRole("list", { name: "Results by label or text" }).getByRole("listitem")).toHaveText([
    /^(Yes|No): /,
    /^Yes: the moderation label “Alcohol.*” \(\d+\.\d%\)$/,
    /^Yes: the text “cabernet” \(\d+\.\d%\)$/,
    "No text “exit” at 90% or higher",
  ]);
  await expect(
    bottle.getByText("all of “bottle”, a moderation label, text “cabernet”, text “exit” at 90% or higher"),
  ).toBeVisible();
  expect(submissions[0]?.postDataJSON()).toMatchObject({
    labels: ["bottle"],
    moderation: ["*"],
    text: ["cabernet", "exit"],
    match_mode: "all",
  });
  await expectAccessible(page);
});

test("a feature without terms is scanned without a question", async ({ page }) => {
  const submissions = recordSubmissions(page);
  const sign = await scan(page, sample("sign.png"), "Text");
  await expect(outcome(sign)).toHaveText("Scanned for text");
  await expect(sign.getByText("scan for text without a question")).toBeVisible();
  await expect(sign.getByRole("list", { name: "Labels found" })).toHaveCount(0);
  expect(submissions[0]?.postDataJSON()).toMatchObject({ features: ["text"] });
  expect(submissions[0]?.postDataJSON()).not.toHaveProperty("labels");
  await expectAccessible(page);
});

test("at least one feature must be selected", async ({ page }) => {
  await selectFeatures(newScan(page));
  await expect(page.getByRole("alert")).toHaveText("Select at least one.");
  await expectAccessible(page);
  await choose(page, sample("sign.png"));
  await expect(newScan(page).getByRole("checkbox", { name: "Labels" })).toBeFocused();
  await expect(page.getByRole("article")).toHaveCount(0);
  await page.keyboard.press("Space");
  await expect(page.getByRole("alert")).toHaveCount(0);
  await expect(termsField(newScan(page), "Labels to find")).toHaveValue("cat");
});

test("the same image is another question if its features differ", async ({ page }) => {
  const image = uniqueSample("sign.png");
  await scan(page, image, "Text");
  await choose(page, image);
  await expect(page.getByRole("log")).toContainText("sign.png was already added");
  await selectFeatures(newScan(page), "Labels", "Text");
  await choose(page, image);
  await expect(page.getByRole("heading", { name: "2 done" })).toBeVisible();
});

test("the features and their findings are kept after a reload", async ({ page }) => {
  await scan(page, sample("sign.png"), "Text");
  const lines = await textLines(card(page, "sign.png")).allTextContents();
  expect(lines.length).toBeGreaterThan(1);
  await page.reload();
  await expect(outcome(card(page, "sign.png"))).toHaveText("Scanned for text");
  await expect(textLines(card(page, "sign.png"))).toHaveText(lines);
});

test("images of an earlier version of the page are shown", async ({ page }) => {
  await choose(page, sample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes: a cat/);
  const downgrade = () =>
    page.evaluate(async () => {
      const database = await new Promise<IDBDatabase>((resolve, reject) => {
        const opening = indexedDB.open("imagescan.anonymous");
        opening.onsuccess = () => resolve(opening.result);
        opening.onerror = () => reject(opening.error);
      });
      const store = database.transaction("scans", "readwrite").objectStore("scans");
      const saved = await new Promise<{ scan: Record<string, unknown> }[]>((resolve) => {
        const getting = store.getAll();
        getting.onsuccess = () => resolve(getting.result);
      });
      const isCompleted = saved.length > 0 && saved.every(({ scan }) => scan.state === "completed");
      for (const { scan } of isCompleted ? saved : []) {
        const { image, ...rest } = scan;
        const { features, moderation, text, ...question } = scan.question as Record<string, unknown>;
        const request = { ...(scan.request as Record<string, unknown>) };
        for (const field of ["features", "moderation", "text", "moderation_asked", "text_asked"]) delete request[field];
        store.put({ scan: { ...rest, question, request } }, scan.id as string);
      }
      database.close();
      return isCompleted;
    });
  await expect.poll(downgrade).toBe(true);
  await page.reload();
  const cat = card(page, "cat.jpg");
  await expect(outcome(cat)).toHaveText(/^Yes: a cat/);
  const form = await openFollowUp(cat, "Text");
  await form.getByRole("button", { name: "Ask" }).click();
  await form.getByRole("button", { name: "Scan for this feature" }).click();
  await expect(form.getByRole("alert")).toHaveText(/^Not accepted: This page did not send the image\. Add it again/);
});

test.describe("moderation labels", () => {
  const DEEP: ModerationLabel[] = [
    { name: "Smoking", confidence: 91.2, parents: ["Drugs & Tobacco", "Paraphernalia"], taxonomy_level: 3 },
    { name: "Alcohol", confidence: 96.3, parents: [], taxonomy_level: 1 },
    { name: "Paraphernalia", confidence: 93, parents: ["Drugs & Tobacco"], taxonomy_level: 2 },
    { name: "Drugs & Tobacco", confidence: 93, parents: [], taxonomy_level: 1 },
  ];

  test("are grouped by their top level", async ({ page }) => {
    await changeFindings(page, () => moderation(...DEEP));
    const bottle = await scan(page, sample("wine-bottle.png"), "Moderation");
    await expect(moderationLabels(bottle).locator("> li")).toHaveText([
      "Alcohol 96.3%, level 1",
      /^Drugs & Tobacco 93\.0%, level 1.*Paraphernalia 93\.0%, level 2.*Smoking 91\.2%, level 3$/,
    ]);
    await expectAccessible(page);
  });

  test("below the minimum confidence do not blur the image", async ({ page }) => {
    await newScan(page).getByLabel("Minimum confidence").fill("99");
    const bottle = await scan(page, sample("wine-bottle.png"), "Moderation");
    await expect(outcome(bottle)).toHaveText("No moderation label at 99% or higher");
    await expect(moderationLabels(bottle)).toContainText("Alcohol");
    expect(await blurOf(bottle.getByRole("img"))).toBe("none");
    await expect(revealButton(bottle, "wine-bottle.png")).toHaveCount(0);
  });

  test("blur the image until it is shown by keyboard, and screen readers are informed", async ({ page }) => {
    const bottle = await scan(page, sample("wine-bottle.png"), "Moderation", "Text");
    const image = bottle.getByRole("img");
    expect(await blurOf(image)).toContain("blur");
    await expect(bottle.locator(".text-overlay")).toHaveCount(0);
    await expect(page.getByRole("log")).toContainText(/wine-bottle\.png: Yes: .*\. The image is blurred/);
    await expectAccessible(page);
    await revealButton(bottle, "wine-bottle.png").focus();
    await page.keyboard.press("Enter");
    expect(await blurOf(image)).toBe("none");
    await expect(bottle.getByRole("group", { name: "wine-bottle.png", exact: true })).toBeFocused();
    await page.keyboard.press("Tab");
    await expect(bottle.getByRole("button", { name: "Enlarge: wine-bottle.png" })).toBeFocused();
    await expect(page.getByRole("log")).toContainText("wine-bottle.png is shown");
    await expect(bottle.locator(".text-overlay")).toBeVisible();
    await page.reload();
    await expect(revealButton(card(page, "wine-bottle.png"), "wine-bottle.png")).toBeVisible();
  });

  test("blur the enlarged image, and a click anywhere on it shows it everywhere", async ({ page }) => {
    const bottle = await scan(page, sample("wine-bottle.png"), "Moderation");
    await bottle.getByRole("button", { name: "Enlarge: wine-bottle.png" }).click();
    const dialog = page.getByRole("dialog", { name: "Enlarged: wine-bottle.png" });
    const enlarged = dialog.getByRole("img");
    expect(await blurOf(enlarged)).toContain("blur");
    await expectAccessible(page);
    await takeScreenshot(page, "features-blurred-enlarged");
    await enlarged.click({ position: { x: 10, y: 10 }, force: true });
    expect(await blurOf(enlarged)).toBe("none");
    await page.keyboard.press("Escape");
    expect(await blurOf(bottle.getByRole("img"))).toBe("none");
  });

  test("blur the tile and the details of the image", async ({ page }) => {
    await page.route(SUBMISSIONS, (route) =>
      route.request().postData()?.includes("moderation") ? route.fallback() : route.abort(),
    );
    await scan(page, sample("wine-bottle.png"), "Moderation");
    await selectFeatures(newScan(page), "Labels");
    await choose(page, ...Array.from({ length: 12 }, (_, index) => uniqueSample("cat-small.png", `${index}.png`)));
    const tile = page.locator(".tile").filter({ hasText: "wine-bottle.png" });
    expect(await blurOf(tile.locator("img"))).toContain("blur");
    await takeScreenshot(page, "features-blurred-tile");
    await tile.click();
    const details = page.getByRole("dialog");
    expect(await blurOf(details.getByRole("img"))).toContain("blur");
    await revealButton(details, "wine-bottle.png").click();
    expect(await blurOf(details.getByRole("img"))).toBe("none");
    await details.getByRole("button", { name: "Close" }).click();
    expect(await blurOf(tile.locator("img"))).toBe("none");
  });

  test("blur the image in all of its cards", async ({ page }) => {
    const image = sample("wine-bottle.png");
    const first = await scan(page, image, "Text");
    expect(await blurOf(first.getByRole("img"))).toBe("none");
    await selectFeatures(newScan(page), "Moderation");
    await choose(page, image);
    await expect(page.getByRole("button", { name: "Show image wine-bottle.png" })).toHaveCount(2);
    await page.getByRole("button", { name: "Show image wine-bottle.png" }).first().click();
    await expect(page.getByRole("button", { name: "Show image wine-bottle.png" })).toHaveCount(0);
  });
});

test.describe("text", () => {
  /** Drag the mouse over a line of text, from its start to its end, and return what is selected. */
  async function select(page: Page, line: Locator): Promise<string> {
    await line.scrollIntoViewIfNeeded();
    const ends = await line.evaluate((element) => {
      const text = element as SVGTextElement;
      const toScreen = (point: DOMPoint) => {
        const { x, y } = point.matrixTransform(text.getScreenCTM() as DOMMatrix);
        return { x, y };
      };
      const last = text.getNumberOfChars() - 1;
      const middle = -25;
      const { y } = text.getStartPositionOfChar(0);
      return [
        toScreen(new DOMPoint(text.getStartPositionOfChar(0).x + 5, y + middle)),
        toScreen(new DOMPoint(text.getEndPositionOfChar(last).x - 5, y + middle)),
      ];
    });
    const [start, end] = ends;
    if (!start || !end) throw new Error("The line has no text.");
    await page.mouse.move(start.x, start.y);
    await page.mouse.down();
    await page.mouse.move(end.x, end.y, { steps: 8 });
    await page.mouse.up();
    return page.evaluate(() => String(getSelection()));
  }

  test("is outlined where it is in the image", async ({ page }) => {
    const sign = await scan(page, sample("sign.png"), "Text");
    const id = await sign.locator("code").textContent();
    const request = (await (await fetch(`${API_URL}/scanrequest/${id}`)).json()) as ScanRequest;
    const lines = request.text?.lines ?? [];
    await expect(textLines(sign)).toHaveText(lines.map(({ text }) => new RegExp(`^${text} \\d+\\.\\d%$`)));
    const image = await sign.getByRole("img").boundingBox();
    const polygons = await sign.locator(".text-overlay polygon").all();
    expect(polygons).toHaveLength(lines.length);
    for (const [index, polygon] of polygons.entries()) {
      const drawn = await polygon.boundingBox();
      const box = lines[index]?.box;
      if (!drawn || !image || !box) throw new Error("No polygon is visible.");
      expect((drawn.x - image.x) / image.width).toBeCloseTo(box.left, 1);
      expect((drawn.y - image.y) / image.height).toBeCloseTo(box.top, 1);
      expect(drawn.width / image.width).toBeCloseTo(box.width, 1);
      expect(drawn.height / image.height).toBeCloseTo(box.height, 1);
    }
    await expectAccessible(page);
  });

  test("is selected in the image with the mouse and copied", async ({ page, context }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const sign = await scan(page, sample("sign.png"), "Text");
    const line = sign.locator(".text-overlay text").first();
    expect(await select(page, line)).toBe("SUMMER SALE");
    await takeScreenshot(page, "features-selected-text");
    await page.keyboard.press("ControlOrMeta+C");
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("SUMMER SALE");
  });

  test("is selected to the nearest line if the mouse leaves it", async ({ page }) => {
    const sign = await scan(page, sample("sign.png"), "Text");
    const image = sign.getByRole("img");
    await image.scrollIntoViewIfNeeded();
    const { x, y, width, height } = (await image.boundingBox()) as {
      x: number;
      y: number;
      width: number;
      height: number;
    };
    await page.mouse.move(x + 0.12 * width, y + 0.18 * height);
    await page.mouse.down();
    await page.mouse.move(x + 0.97 * width, y + 0.18 * height, { steps: 8 });
    await page.mouse.up();
    expect(await page.evaluate(() => String(getSelection()))).toBe("SUMMER SALE");
  });

  test("that is rotated is selected along its line", async ({ page }) => {
    const polygon = [
      { x: 0.7, y: 0.1 },
      { x: 0.9, y: 0.8 },
      { x: 0.8, y: 0.85 },
      { x: 0.6, y: 0.15 },
    ];
    const box = { left: 0.6, top: 0.1, width: 0.3, height: 0.75 };
    const line: TextLine = { text: "A long rotated line", confidence: 97, box, polygon, words: [] };
    await changeFindings(page, () => ({ text: { lines: [line], model_version: "3.0" } }));
    const sign = await scan(page, sample("sign.png"), "Text");
    const selected = await select(page, sign.locator(".text-overlay text"));
    await takeScreenshot(page, "features-rotated-text");
    expect(selected).toBe("A long rotated line");
  });

  test("is selected in the enlarged image", async ({ page }) => {
    const sign = await scan(page, sample("sign.png"), "Text");
    await sign.getByRole("button", { name: "Enlarge: sign.png" }).click();
    const line = page.getByRole("dialog").locator(".text-overlay text").first();
    expect(await select(page, line)).toBe("SUMMER SALE");
  });

  test("of all lines is copied", async ({ page, context }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const sign = await scan(page, sample("sign.png"), "Text");
    await sign.getByRole("button", { name: "Copy text" }).click();
    await expect(sign.getByText("Copied").first()).toBeVisible();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied.split("\n")).toEqual(["SUMMER SALE", "50% OFF", "OPEN"]);
  });

  test("that was asked for is emphasized", async ({ page }) => {
    await selectFeatures(newScan(page), "Text");
    await termsField(newScan(page), "Text to find").fill("open");
    await choose(page, sample("sign.png"));
    const sign = card(page, "sign.png");
    await expect(outcome(sign)).toHaveText(/^Yes: the text “open” \(\d+\.\d%\)$/);
    await expect(sign.locator(".text-overlay .highlighted text")).toHaveText("OPEN");
    await textLines(sign).first().hover();
    await expect(sign.locator(".text-overlay .highlighted text")).toHaveText("SUMMER SALE");
  });

  test("is found by the search", async ({ page }) => {
    await selectFeatures(newScan(page), "Text");
    await choose(page, sample("sign.png"), sample("wine-bottle.png"));
    await expect(page.getByRole("heading", { name: "2 done" })).toBeVisible();
    await page.getByRole("searchbox").fill("summer");
    await expect(page.getByRole("article")).toHaveCount(1);
    await expect(card(page, "sign.png")).toBeVisible();
  });
});

test.describe("a follow-up question", () => {
  test("about text is answered from the scan", async ({ page }) => {
    const sign = await scan(page, sample("sign.png"), "Text");
    const form = await openFollowUp(sign, "Text");
    await form.getByRole("button", { name: "Ask" }).click();
    await expect(form.getByRole("alert")).toHaveText("Enter what to look for.");
    await termsField(form, "Text to find").fill("50% off");
    await form.getByRole("button", { name: "Ask" }).click();
    await expect(sign.locator(".follow-ups > li")).toHaveText([
      /^Yes: the text “50% off” \(\d+\.\d%\)text “50% off” at 90% or higher$/,
    ]);
    await expect(sign.locator(".text-overlay .highlighted text")).toHaveText("50% OFF");
  });

  test("about a feature that was not scanned offers to scan for it, without an upload", async ({ page }) => {
    const cat = await scan(page, uniqueSample("sign.png"), "Labels");
    const uploads = recordUploads(page);
    const submissions = recordSubmissions(page);
    const form = await openFollowUp(cat, "Text");
    await termsField(form, "Text to find").fill("sale");
    await form.getByRole("button", { name: "Ask" }).click();
    await expect(form.getByRole("alert")).toHaveText("The image was not scanned for text. The scan is charged.");
    await expectAccessible(page);
    await takeScreenshot(page, "features-scan-offer");
    await form.getByRole("button", { name: "Scan for this feature" }).focus();
    await page.keyboard.press("Enter");
    await expect(page.getByRole("article")).toHaveCount(2);
    const added = page.getByRole("article").first();
    await expect(added).toBeFocused();
    await expect(outcome(added)).toHaveText(/^Yes: the text “sale” \(\d+\.\d%\)$/);
    await expect(added.getByRole("img")).toBeVisible();
    const submitted = submissions.filter((request) => !QUESTIONS.test(request.url()));
    expect(submitted.map((request) => request.postDataJSON())).toEqual([
      expect.objectContaining({ sha256: expect.stringMatching(/^[\da-f]{64}$/), text: ["sale"] }),
    ]);
    expect(uploads).toHaveLength(0);
    await expect(page.getByRole("log")).toContainText("sign.png added");
  });

  test("about a feature without terms offers to scan for it, too", async ({ page }) => {
    const bottle = await scan(page, sample("wine-bottle.png"), "Labels");
    const form = await openFollowUp(bottle, "Moderation", "Text");
    await termsField(form, "Moderation labels to find").fill("");
    await form.getByRole("button", { name: "Ask" }).click();
    await form.getByRole("button", { name: "Scan for these features" }).click();
    await expect(outcome(page.getByRole("article").first())).toHaveText("Scanned for moderation and text");
  });

  /** Make the service require an upload, as if it no longer stored the image. */
  async function requireUpload(page: Page): Promise<void> {
    await page.route(SUBMISSIONS, async (route) => {
      const response = await route.fetch();
      const url = new URL("uploads/sign.png", PAGE_URL).href;
      const upload = { method: "PUT", url, headers: {}, expires_at: "2999-01-01T00:00:00Z" };
      await route.fulfill({ response, json: { ...((await response.json()) as object), status: "pending", upload } });
    });
  }

  test("about another feature uploads the image if the service no longer stores it", async ({ page }) => {
    const image = uniqueSample("sign.png");
    const sign = await scan(page, image, "Labels");
    await requireUpload(page);
    const uploaded: (Buffer | null)[] = [];
    await page.route(/\/uploads\//, (route) => {
      uploaded.push(route.request().postDataBuffer());
      return route.fulfill({ status: 200 });
    });
    const form = await openFollowUp(sign, "Text");
    await form.getByRole("button", { name: "Ask" }).click();
    await form.getByRole("button", { name: "Scan for this feature" }).click();
    await expect(outcome(page.getByRole("article").first())).toHaveText("Scanned for text");
    expect(uploaded).toEqual([image.buffer]);
  });

  test("about another feature asks to add the image again if neither the service nor the page has it", async ({
    page,
  }) => {
    await scan(page, uniqueSample("sign.png"), "Labels");
    await page.reload();
    await requireUpload(page);
    const form = await openFollowUp(card(page, "sign.png"), "Text");
    await form.getByRole("button", { name: "Ask" }).click();
    await form.getByRole("button", { name: "Scan for this feature" }).click();
    const added = page.getByRole("article").first();
    await expect(outcome(added)).toHaveText("Not accepted: The service no longer stores this image. Add it again.");
    await expect(added.getByRole("button", { name: /^Retry/ })).toHaveCount(0);
  });

  test("in the details of a tile shows the new scan there", async ({ page }) => {
    await scan(page, uniqueSample("sign.png"), "Labels");
    await page.route(SUBMISSIONS, (route) =>
      route.request().postData()?.includes("labels") ? route.abort() : route.fallback(),
    );
    await choose(page, ...Array.from({ length: 12 }, (_, index) => uniqueSample("cat-small.png", `${index}.png`)));
    await page.locator(".tile").filter({ hasText: "sign.png" }).click();
    const details = page.getByRole("dialog");
    const form = await openFollowUp(details, "Text");
    await form.getByRole("button", { name: "Ask" }).click();
    await form.getByRole("button", { name: "Scan for this feature" }).click();
    await expect(outcome(details)).toHaveText("Scanned for text");
    await expect(details.getByText("sign.png: scan for text without a question")).toBeVisible();
  });

  test("about all images is asked about those that were scanned for it", async ({ page }) => {
    await scan(page, sample("sign.png"), "Text");
    await scan(page, sample("cat.jpg"), "Labels");
    await selectFeatures(newScan(page), "Text");
    await termsField(newScan(page), "Text to find").fill("sale");
    await page.getByRole("button", { name: "Ask all: “sale”" }).click();
    await expect(
      page.getByText("Asked about 1 image. 1 image was not scanned for this question.").first(),
    ).toBeVisible();
    await expect(card(page, "sign.png").locator(".follow-ups > li")).toHaveText([/^Yes: the text “sale”/]);
    await expect(card(page, "cat.jpg").locator(".follow-ups > li")).toHaveCount(0);
  });

  test("that fails for another reason offers no scan", async ({ page }) => {
    const sign = await scan(page, sample("sign.png"), "Text");
    await page.route(QUESTIONS, (route) =>
      route.fulfill({ status: 409, json: { code: "request_pending", message: "Reason." } }),
    );
    const form = await openFollowUp(sign, "Text");
    await termsField(form, "Text to find").fill("sale");
    await form.getByRole("button", { name: "Ask" }).click();
    await expect(form.getByRole("alert")).toHaveText("Not accepted: Reason.");
    await expect(form.getByRole("button", { name: /^Scan for/ })).toHaveCount(0);
  });
});

test("the exports contain the features and their findings", async ({ page }) => {
  await selectFeatures(newScan(page), "Moderation", "Text");
  await choose(page, sample("sign.png"), sample("wine-bottle.png"));
  await expect(page.getByRole("heading", { name: "2 done" })).toBeVisible();
  const download = async (name: string) => {
    const downloading = page.waitForEvent("download");
    await page.getByRole("button", { name }).click();
    return readFileSync(await (await downloading).path(), "utf8");
  };
  const [head, ...rows] = (await download("Export CSV")).trim().split("\r\n");
  expect(head).toMatch(/,image_hash,features,moderation_labels,text$/);
  expect(rows.find((row) => row.startsWith("wine-bottle.png"))).toMatch(
    /,moderation; text,Alcohol [\d.]+; Alcoholic Beverages [\d.]+,RED WINE [\d.]+; Cabernet [\d.]+; 2019 [\d.]+$/,
  );
  const images = JSON.parse(await download("Export JSON"));
  expect(images[0]).toMatchObject({
    features: ["moderation", "text"],
    request: { text: { lines: expect.any(Array) } },
  });
});

test("results that cannot be loaded are reported", async ({ page }) => {
  await page.route(/ResultPanel-/, (route) => route.abort());
  await page.reload();
  await choose(page, sample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes: a cat/);
  await expect(card(page, "cat.jpg").getByText("Part of the page could not be loaded. Reload the page")).toBeVisible();
  await expectAccessible(page);
});

for (const colorScheme of ["light", "dark"] as const)
  for (const width of [320, 768, 1440])
    test.describe(`${colorScheme}, ${width} pixels:`, () => {
      test.use({ colorScheme, viewport: { width, height: 900 } });

      test("all features fit into the page, and axe finds no violations", async ({ page }) => {
        await selectFeatures(newScan(page), "Labels", "Moderation", "Text");
        await termsField(newScan(page), "Labels to find").fill("bottle");
        await expectAccessible(page);
        await choose(page, sample("wine-bottle.png"), sample("sign.png"), sample("cat.jpg"));
        await expect(page.getByRole("heading", { name: "3 done" })).toBeVisible();
        await expect(textLines(card(page, "sign.png")).first()).toBeVisible();
        await expectAccessible(page);
        const form = await openFollowUp(card(page, "sign.png"), "Moderation", "Text");
        await takeScreenshot(page, `features-${width}-${colorScheme}`);
        await form.getByRole("checkbox", { name: "Labels" }).check();
        await revealButton(card(page, "wine-bottle.png"), "wine-bottle.png").click();
        await takeScreenshot(page, `features-shown-${width}-${colorScheme}`);
        await expectAccessible(page);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        const targets = page.locator("button:visible, summary:visible, input:visible, article a:visible");
        const tooSmall = await targets.evaluateAll(
          (all) =>
            all.filter((one) => one.getBoundingClientRect().width < 24 || one.getBoundingClientRect().height < 24)
              .length,
        );
        expect(tooSmall).toBe(0);
      });
    });
