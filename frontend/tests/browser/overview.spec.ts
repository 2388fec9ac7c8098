import { readFileSync, writeFileSync } from "node:fs";
import type { Locator, Page } from "@playwright/test";
import {
  API_URL,
  choose,
  expect,
  expectAccessible,
  fillQuestion,
  type ImageFile,
  sample,
  takeScreenshot,
  test,
  uniqueSample,
} from "./harness";

const SAMPLES = ["cat.jpg", "astronaut.jpg", "coffee.jpg"];

const tile = (page: Page, name: string): Locator => page.locator(".tile").filter({ hasText: name });

/** Create images that the service completes at once, without a scan. */
async function answerImmediately(page: Page): Promise<void> {
  const answers = await Promise.all(SAMPLES.map((name) => scan(sample(name))));
  const answerOf = (hash: string) => ({
    ...answers[Number.parseInt(hash.slice(0, 6), 16) % 3],
    image_hash: hash,
    request_id: idOf(hash),
  });
  const hashes = new Map<string, string>();
  await page.route(`${API_URL}/scanrequest*`, async (route) => {
    const request = route.request();
    const ids = new URL(request.url()).searchParams.get("ids");
    if (ids) {
      const results = ids
        .split(",")
        .map((id) => ({ status_code: 200, request: answerOf(hashes.get(id) ?? ""), error: null }));
      return route.fulfill({ json: { results } });
    }
    const { entries, sha256 } = request.postDataJSON();
    for (const hash of entries?.map((entry: { sha256: string }) => entry.sha256) ?? [sha256])
      hashes.set(idOf(hash), hash);
    if (!entries) return route.fulfill({ json: answerOf(sha256) });
    const results = entries.map((entry: { sha256: string }) => {
      const { labels, closest_labels, results, ...rest } = answerOf(entry.sha256) as Record<string, unknown>;
      return { status_code: 200, request: rest, error: null };
    });
    await route.fulfill({ json: { results } });
  });
}

const idOf = (hash: string) => `${hash.slice(0, 8)}-0000-4000-8000-${hash.slice(8, 20)}`;

/** Submit an image to the service and wait for its result. */
async function scan({ buffer }: ImageFile): Promise<Record<string, unknown>> {
  const body = JSON.stringify({ file: buffer.toString("base64"), fileType: "image/jpeg", labels: ["cat"] });
  let response = await fetch(`${API_URL}/scanrequest`, {
    method: "POST",
    body,
    headers: { "Content-Type": "application/json" },
  });
  let request = await response.json();
  while (request.status === "pending") {
    await new Promise((resolve) => setTimeout(resolve, 500));
    response = await fetch(`${API_URL}/scanrequest/${request.request_id}`);
    request = await response.json();
  }
  return request;
}

const images = (count: number): ImageFile[] =>
  Array.from({ length: count }, (_, index) => uniqueSample(SAMPLES[index % 3] ?? "", `${index}.jpg`));

/** Recording every state of hundreds of images would take most of the time. */
test.use({ trace: "off" });

test("300 known images are submitted in batches", async ({ page }) => {
  await answerImmediately(page);
  const calls: string[] = [];
  page.on("request", (request) => request.url().startsWith(API_URL) && calls.push(request.method()));
  const startedAt = Date.now();
  await choose(page, ...images(300));
  await expect(page.getByRole("heading", { name: "300 done" })).toBeVisible();
  console.log(`300 known images took ${Date.now() - startedAt} ms and ${calls.length} calls.`);
  // One by one, they would take at least 300 calls, or 600 with polls.
  expect(calls.length).toBeLessThan(250);
});

test("1,000 images take at most 10,000 elements and a constant number of tab stops", async ({ page }, info) => {
  test.setTimeout(300_000);
  await answerImmediately(page);
  const tabStops = () =>
    page.evaluate(
      () =>
        [...document.querySelectorAll<HTMLElement>("button, input, select, a, summary")].filter(
          (element) => element.tabIndex >= 0 && element.checkVisibility(),
        ).length,
    );
  const paths = images(1_000).map(({ name, buffer }) => {
    const path = info.outputPath(name);
    writeFileSync(path, buffer);
    return path;
  });
  const add = async (added: string[]) => {
    const chooser = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Choose images" }).click();
    await (await chooser).setFiles(added);
  };
  await add(paths.slice(0, 20));
  await expect(page.getByRole("heading", { name: "20 done" })).toBeVisible();
  const before = await tabStops();
  await add(paths.slice(20));
  await expect(page.getByRole("heading", { name: "1000 done" })).toBeVisible({ timeout: 200_000 });
  expect(await tabStops()).toBe(before);
  expect(await page.evaluate(() => document.querySelectorAll("*").length)).toBeLessThan(10_000);
  const longestFrame = await page.evaluate(async () => {
    const frame = () => new Promise<number>(requestAnimationFrame);
    let [last, longest] = [await frame(), 0];
    for (let step = 0; step < 60; step++) {
      scrollBy(0, 300);
      const now = await frame();
      longest = Math.max(longest, now - last);
      last = now;
    }
    return longest;
  });
  console.log(`The longest frame while scrolling took ${Math.round(longestFrame)} ms.`);
});

test("images are filtered, sorted and searched", async ({ page }) => {
  await answerImmediately(page);
  await choose(page, ...images(30));
  await expect(page.getByRole("heading", { name: "30 done" })).toBeVisible();
  const tiles = page.locator(".tile");
  const yes = page.getByRole("button", { name: /^Yes \d/ });
  const count = Number((await yes.textContent())?.replace(/\D/g, ""));
  expect(count).toBeGreaterThan(0);
  await yes.click();
  await expect(tiles).toHaveCount(count);
  await page.getByRole("button", { name: "All 30" }).click();
  await page.getByLabel("Search names, labels and text").fill("29.jpg");
  await expect(tiles).toHaveCount(1);
  await page.getByLabel("Search names, labels and text").fill("nothing has this name");
  await expect(page.getByText("No images match the filter and the search.")).toBeVisible();
  await page.getByLabel("Search names, labels and text").fill("feline");
  await expect(tiles).toHaveCount(count);
  await page.getByRole("slider", { name: /^Labels at/ }).fill("100");
  await expect(tiles).toHaveCount(0);
  await page.getByLabel("Search names, labels and text").fill("");
  await page.getByRole("group").getByRole("combobox").selectOption("name");
  await expect(tiles.locator("small").first()).toHaveText("0.jpg");
  await expectAccessible(page);
});

test("details open with a click or Enter, and arrow keys move between images", async ({ page }) => {
  await answerImmediately(page);
  await choose(page, ...images(15));
  await expect(page.getByRole("heading", { name: "15 done" })).toBeVisible();
  await tile(page, "0.jpg").first().click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("heading", { name: "Image 1 of 15" })).toBeFocused();
  await expect(dialog.getByRole("article")).toContainText("0.jpg");
  await expect(dialog.locator("code")).toBeVisible();
  await expectAccessible(page);
  await takeScreenshot(page, "details");
  await page.keyboard.press("ArrowRight");
  await expect(dialog.getByRole("article")).toContainText("1.jpg");
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect(tile(page, "1.jpg").first()).toBeFocused();
  await page.keyboard.press("ArrowRight");
  await expect(tile(page, "2.jpg").first()).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(dialog.getByRole("article")).toContainText("2.jpg");
  await dialog.getByRole("button", { name: "Close" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(tile(page, "2.jpg").first()).toBeFocused();
  await page.keyboard.press("End");
  await expect(tile(page, "14.jpg")).toBeFocused();
});

test("the slider in the details does not close them, although the search would hide the image", async ({ page }) => {
  await answerImmediately(page);
  await choose(page, ...images(15));
  await expect(page.getByRole("heading", { name: "15 done" })).toBeVisible();
  await page.getByLabel("Search names, labels and text").fill("feline");
  await page.locator(".tile").first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("slider").fill("100");
  await expect(page.getByText("No images match the filter and the search.")).toBeAttached();
  await expect(dialog.getByRole("heading", { name: /^Image 1 of \d/ })).toBeVisible();
  await page.keyboard.press("ArrowRight");
  await expect(dialog.getByRole("heading", { name: /^Image 1 of \d/ })).toBeVisible(); // moves the slider
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await page.getByLabel("Search names, labels and text").fill("");
  await expect(page.locator(".tile")).toHaveCount(15);
  await expect(dialog).toHaveCount(0);
});

test("a removal in the details closes them, and undoing it does not open them", async ({ page }) => {
  await answerImmediately(page);
  await choose(page, ...images(15));
  await expect(page.getByRole("heading", { name: "15 done" })).toBeVisible();
  await page.locator(".tile").first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: /^Remove: / }).click();
  await page.getByRole("button", { name: "Remove from this page" }).click();
  await expect(dialog).toHaveCount(0);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.locator(".tile")).toHaveCount(15);
  await expect(dialog).toHaveCount(0);
});

test("a question is asked about all images without another scan, and the table is exported", async ({ page }) => {
  await choose(page, ...SAMPLES.map(sample));
  await expect(page.getByRole("heading", { name: "3 done" })).toBeVisible();
  await fillQuestion(page, "person", 50);
  const sent: string[] = [];
  page.on("request", (request) => request.url().startsWith(API_URL) && sent.push(request.url()));
  await page.getByRole("button", { name: "Ask all: person" }).click();
  await expect(page.getByText("Asked about 3 images.").first()).toBeVisible();
  expect(sent).toHaveLength(3);
  expect(sent.every((url) => url.endsWith("/questions"))).toBe(true);
  await expect(page.getByRole("button", { name: "Yes 1" })).toBeVisible();
  await expect(page.getByRole("button", { name: "No 2" })).toBeVisible();
  await expectAccessible(page);

  const saveCsv = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export CSV" }).click();
  expect((await saveCsv).suggestedFilename()).toBe("images.csv");
  const csv = readFileSync(await (await saveCsv).path(), "utf8");
  expect(csv).toMatch(/^name,outcome,result,/);
  expect(csv).toMatch(/\r\nastronaut\.jpg,yes,Yes: a person/);
  const saveJson = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export JSON" }).click();
  const json = JSON.parse(readFileSync(await (await saveJson).path(), "utf8"));
  expect(json.map(({ name }: { name: string }) => name)).toEqual(SAMPLES);
});

test("selected images are removed, and the removal can be undone", async ({ page }) => {
  await answerImmediately(page);
  await choose(page, ...images(15));
  await expect(page.getByRole("heading", { name: "15 done" })).toBeVisible();
  await page.getByRole("button", { name: "Select", exact: true }).click();
  await tile(page, "3.jpg").first().click();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Space");
  await expect(page.getByText("2 selected")).toBeVisible();
  await expectAccessible(page);
  await takeScreenshot(page, "selection");
  await page.getByRole("button", { name: "Remove 2" }).click();
  await page.getByRole("button", { name: "Remove from this page" }).click();
  await expect(page.getByRole("heading", { name: "13 done" })).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByRole("heading", { name: "15 done" })).toBeVisible();
});

for (const colorScheme of ["light", "dark"] as const)
  for (const width of [320, 768, 1440])
    test.describe(`${colorScheme}, ${width} px:`, () => {
      test.use({ colorScheme, viewport: { width, height: 900 } });

      test("the overview does not overflow, and axe finds no violations", async ({ page }) => {
        await answerImmediately(page);
        await choose(page, ...images(30), { name: "text.jpg", mimeType: "image/jpeg", buffer: Buffer.from("text") });
        await expect(page.getByRole("heading", { name: "30 done, 1 failed" })).toBeVisible();
        await expectAccessible(page);
        await takeScreenshot(page, `overview-${width}-${colorScheme}`);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        await page.locator(".tile").first().click();
        await expectAccessible(page);
        await takeScreenshot(page, `details-${width}-${colorScheme}`);
      });
    });
