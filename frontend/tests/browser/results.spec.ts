import type { Locator, Page } from "@playwright/test";
import type { ScanRequest } from "../../src/api/types";
import {
  API_URL,
  card,
  choose,
  expect,
  expectAccessible,
  fillQuestion,
  type ImageFile,
  outcome,
  padded,
  sample,
  takeScreenshot,
  test,
  uniqueSample,
} from "./harness";

async function scanCat(page: Page): Promise<Locator> {
  await choose(page, sample("cat.jpg"));
  const cat = card(page, "cat.jpg");
  await expect(outcome(cat)).toHaveText(/^Yes: a cat/);
  return cat;
}

async function fetchRequest(card: Locator): Promise<ScanRequest> {
  const id = await card.locator("code").textContent();
  return (await fetch(`${API_URL}/scanrequest/${id}`)).json() as Promise<ScanRequest>;
}

/** Create a PNG with a gradient. */
async function paint(page: Page, name: string, width: number, height: number): Promise<ImageFile> {
  const content = await page.evaluate(
    ([width, height]) => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [width, height];
      const context = canvas.getContext("2d") as CanvasRenderingContext2D;
      const gradient = context.createLinearGradient(0, 0, width, height);
      gradient.addColorStop(0, `hsl(${Math.random() * 360}deg 80% 40%)`);
      gradient.addColorStop(1, "white");
      context.fillStyle = gradient;
      context.fillRect(0, 0, width, height);
      return canvas.toDataURL("image/png").split(",")[1] ?? "";
    },
    [width, height] as const,
  );
  return { name, mimeType: "image/png", buffer: Buffer.from(content, "base64") };
}

const chip = (card: Locator, name: string) => card.getByRole("button", { name: new RegExp(`^${name} `) });

test("three samples show three correct results with boxes", async ({ page }) => {
  await choose(page, uniqueSample("cat.jpg"), uniqueSample("astronaut.jpg"), uniqueSample("coffee.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes: a cat \(\d+\.\d%\)$/);
  await expect(outcome(card(page, "astronaut.jpg"))).toHaveText(/^No cat\. It shows a person \(\d+\.\d%\)$/);
  await expect(outcome(card(page, "coffee.jpg"))).toHaveText(/^No cat\. It (shows|may show) an? .*cup \(\d+\.\d%\)$/);
  for (const name of ["cat.jpg", "astronaut.jpg", "coffee.jpg"])
    await expect(card(page, name).locator(".box").first()).toBeVisible();
  await expect(page.getByRole("heading", { name: "3 done" })).toBeVisible();
});

test("an image with the same content as an earlier one says that it was scanned before", async ({ page }) => {
  const image = uniqueSample("cat.jpg");
  await choose(page, image);
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes: a cat/);
  await choose(page, { ...padded(image, image.buffer.length + 1), name: "copy.jpg" });
  await expect(outcome(card(page, "copy.jpg"))).toHaveText(/^Yes: a cat/);
  await expect(card(page, "copy.jpg")).toContainText("An image with the same content was scanned before.");
  await expect(card(page, "cat.jpg")).not.toContainText("scanned before");
});

test("an image that was scanned for an earlier request says so", async ({ page }) => {
  const image = uniqueSample("cat.jpg");
  for (const label of ["cat", "dog"]) {
    await fillQuestion(page, label);
    await choose(page, { ...image, name: `${label}.jpg` });
    await expect(outcome(card(page, `${label}.jpg`))).toHaveText(/cat/);
  }
  await expect(card(page, "dog.jpg")).toContainText("This image was scanned before.");
  await expect(card(page, "cat.jpg")).not.toContainText("scanned before");
});

test("a box is drawn at the coordinates of the response", async ({ page }) => {
  const cat = await scanCat(page);
  const expected = (await fetchRequest(cat)).match?.boxes[0];
  const image = await cat.getByRole("img").boundingBox();
  const drawn = await cat.locator(".box.highlighted").boundingBox();
  if (!expected || !image || !drawn) throw new Error("No box is visible.");
  expect((drawn.x - image.x) / image.width).toBeCloseTo(expected.left, 2);
  expect((drawn.y - image.y) / image.height).toBeCloseTo(expected.top, 2);
  expect(drawn.width / image.width).toBeCloseTo(expected.width, 2);
  expect(drawn.height / image.height).toBeCloseTo(expected.height, 2);
});

test("the result shows all labels and their details", async ({ page }) => {
  const cat = await scanCat(page);
  await expect(chip(cat, "Animal")).toBeVisible();
  await expect(
    cat.getByText(/Cat has 1 bounding box\. Parents: .*Mammal.*\. Aliases: .*\. Categories: /),
  ).toBeVisible();
});

test("hovering over or focusing a label highlights its boxes, and selecting it keeps them highlighted", async ({
  page,
}) => {
  await choose(page, sample("motorcycle.jpg"));
  const motorcycle = card(page, "motorcycle.jpg");
  await expect(outcome(motorcycle)).toHaveText(/^No cat/);
  const names = (await fetchRequest(motorcycle)).labels.filter(({ boxes }) => boxes.length).map(({ name }) => name);
  await motorcycle.getByRole("slider").fill("0");
  const [first = "", last = ""] = [names[0], names.at(-1)];
  const highlighted = motorcycle.locator(".box.highlighted");

  await chip(motorcycle, last).hover();
  await expect(highlighted.first()).toHaveAttribute("data-caption", new RegExp(`^${last} `));
  await page.mouse.move(0, 0);
  await chip(motorcycle, first).focus();
  await expect(highlighted.first()).toHaveAttribute("data-caption", new RegExp(`^${first} `));
  await chip(motorcycle, last).click();
  await page.mouse.move(0, 0);
  await page.keyboard.press("Tab");
  await expect(chip(motorcycle, last)).toHaveAttribute("aria-pressed", "true");
  await expect(highlighted.first()).toHaveAttribute("data-caption", new RegExp(`^${last} `));
});

test("the slider hides labels below its value", async ({ page }) => {
  const cat = await scanCat(page);
  const { labels } = await fetchRequest(cat);
  const shown = cat.getByRole("list", { name: "Labels found" }).getByRole("listitem");
  for (const threshold of [0, 50, 98, 100]) {
    await cat.getByRole("slider").fill(String(threshold));
    await expect(shown).toHaveCount(labels.filter(({ confidence }) => confidence >= threshold).length);
  }
});

test("with several images, one slider hides labels below its value in all of them", async ({ page }) => {
  await choose(page, sample("cat.jpg"), sample("motorcycle.jpg"));
  await expect(page.getByRole("heading", { name: "2 done" })).toBeVisible();
  const slider = page.getByRole("slider");
  await expect(slider).toHaveCount(1);
  await slider.fill("98");
  for (const name of ["cat.jpg", "motorcycle.jpg"]) {
    const { labels } = await fetchRequest(card(page, name));
    const expected = labels.filter(({ confidence }) => confidence >= 98).length;
    const shown = card(page, name).getByRole("list", { name: "Labels found" }).getByRole("listitem");
    await expect(shown).toHaveCount(expected);
    await expect(
      card(page, name).getByText(`Showing ${expected} of ${labels.length} labels at 98% or higher`),
    ).toBeVisible();
  }
});

test("debug data is loaded when its view is opened", async ({ page }) => {
  const cat = await scanCat(page);
  await cat.getByText("Debug data").click();
  const data = cat.locator(".debug");
  await expect(data).toContainText("image.attempts1");
  await expect(data).toContainText("file_typeimage/jpeg");
  await expectAccessible(page);
  await takeScreenshot(page, "debug-data");
  await cat.getByText("Debug data").click();
  await page.route(/debugData/, (route) => route.abort());
  await cat.getByText("Debug data").click();
  await expect(cat.getByRole("alert")).toContainText("The service is unreachable");
});

for (const [shape, width, height] of [
  ["wide", 3000, 300],
  ["tall", 300, 3000],
] as const)
  test(`a ${shape} panorama is enlarged to the shorter side of the window and scrolls`, async ({ page }) => {
    await choose(page, await paint(page, `${shape}.png`, width, height));
    await expect(page.getByRole("article")).toHaveAttribute("data-state", "completed");
    await page.getByRole("button", { name: `Enlarge: ${shape}.png` }).click();
    const dialog = page.getByRole("dialog", { name: `Enlarged: ${shape}.png` });
    const image = (await dialog.getByRole("img").boundingBox()) as { width: number; height: number };
    expect(image.width / image.height).toBeCloseTo(width / height, 1);
    expect(Math.min(image.width, image.height)).toBeGreaterThan(500);
    const [axis, size] = shape === "wide" ? ["scrollLeft", "ArrowRight"] : ["scrollTop", "ArrowDown"];
    await dialog.getByRole("region").focus();
    await page.keyboard.press(size);
    await expect
      .poll(() => dialog.getByRole("region").evaluate((element, name) => element[name as "scrollTop"], axis))
      .toBeGreaterThan(0);
    await expectAccessible(page);
    await takeScreenshot(page, `panorama-${shape}`);
    await page.keyboard.press("Escape");
    await expect(dialog).toBeHidden();
    await expect(page.getByRole("button", { name: `Enlarge: ${shape}.png` })).toBeFocused();
  });

test("labels of earlier results are suggested", async ({ page }) => {
  await scanCat(page);
  const suggested = await page
    .locator(".ask datalist option")
    .evaluateAll((all) => all.map((one) => (one as HTMLOptionElement).value));
  expect(suggested).toEqual(expect.arrayContaining(["animal", "cat", "pet"]));
});

test("the label and the confidence of the form are submitted", async ({ page }) => {
  await fillQuestion(page, "animal", 40);
  await choose(page, uniqueSample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes: an? (animal|cat)/);
  expect(await fetchRequest(card(page, "cat.jpg"))).toMatchObject({ label: "animal", min_confidence: 40 });
});

test("a label below the minimum confidence is a no with its confidence", async ({ page }) => {
  await fillQuestion(page, "cat", 100);
  await choose(page, sample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^No: cat found at \d+\.\d+%, below 100%$/);
});

test("the raw JSON is shown on demand", async ({ page }) => {
  const cat = await scanCat(page);
  await expect(cat.locator("pre")).toBeHidden();
  await cat.getByText("Raw JSON").click();
  expect(JSON.parse((await cat.locator("pre").textContent()) ?? "")).toEqual(await fetchRequest(cat));
});

test("the request ID can be copied", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const cat = await scanCat(page);
  await cat.getByRole("button", { name: "Copy request ID" }).click();
  await expect(cat.getByText("Copied").first()).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe((await fetchRequest(cat)).request_id);
});

test("the link opens the result, with the image only in the browser that has it", async ({ page, browser }) => {
  const cat = await scanCat(page);
  await cat.getByRole("link", { name: "Link to this result" }).click();
  await expect(card(page, "cat.jpg")).toBeFocused();
  await expect(page.getByRole("article")).toHaveCount(1);
  await expect(card(page, "cat.jpg").getByRole("img")).toBeVisible();

  const otherPage = await (await browser.newContext()).newPage();
  await otherPage.goto(page.url());
  await expect(outcome(otherPage.getByRole("article"))).toHaveText(/^Yes: a cat/);
  await expect(otherPage.getByText("Opened from a link")).toHaveCount(0);
  await expect(otherPage.getByText("“cat” at 90% or higher")).toBeVisible();
  await expect(otherPage.getByRole("img")).toHaveCount(0);
  await expectAccessible(otherPage);
  await otherPage.context().close();
});

test("a request is opened by its ID or by a link to its result", async ({ page, browser }) => {
  const id = (await fetchRequest(await scanCat(page))).request_id;
  const otherPage = await (await browser.newContext()).newPage();
  await otherPage.goto(page.url());
  await otherPage.getByText("Open a request by its ID").click();
  const field = otherPage.getByLabel("Request ID or link");
  await field.fill("cat");
  await expect(otherPage.getByRole("alert")).toContainText("A request ID has 36 characters");
  await expectAccessible(otherPage);
  await field.fill(`${page.url()}?request=${id}`);
  await field.press("Enter");
  await expect(outcome(otherPage.getByRole("article"))).toHaveText(/^Yes: a cat/);
  await expect(otherPage.getByRole("article")).toBeFocused();
  await otherPage.context().close();
});

test("captions are inside the image, however small and wherever their boxes are", async ({ page }) => {
  const positions = [0, 0.5, 0.95].flatMap((left) => [0, 0.5, 0.95].map((top) => ({ left, top })));
  await page.route(/\/scanrequest/, async (route) => {
    const response = await route.fetch();
    const request = await response.json();
    const cat = request.labels.find(({ name }: { name: string }) => name === "Cat");
    if (cat) cat.boxes = positions.map((at) => ({ ...at, width: 0.05, height: 0.05, confidence: 98.7 }));
    await route.fulfill({ response, json: request });
  });
  const cat = await scanCat(page);
  await takeScreenshot(page, "captions");
  const image = await cat.getByRole("img").boundingBox();
  const boxes = await cat.locator(".box.highlighted").all();
  expect(boxes).toHaveLength(positions.length);
  for (const box of boxes) {
    const caption = await box.evaluate((element) => {
      const { width, height, left, right, top, bottom } = getComputedStyle(element, "::after");
      const around = element.getBoundingClientRect();
      const border = Number.parseFloat(getComputedStyle(element).borderWidth);
      const x = left === "0px" ? around.left + border : around.right - border - Number.parseFloat(width);
      const y = top === "0px" ? around.top + border : around.top + border - Number.parseFloat(height);
      return { x, y, width: Number.parseFloat(width), height: Number.parseFloat(height), right, bottom };
    });
    if (!image) throw new Error("No image is visible.");
    expect(caption.x).toBeGreaterThanOrEqual(image.x);
    expect(caption.x + caption.width).toBeLessThanOrEqual(image.x + image.width);
    expect(caption.y).toBeGreaterThanOrEqual(image.y);
    expect(caption.y + caption.height).toBeLessThanOrEqual(image.y + image.height);
  }
});

test("the printed page shows results only", async ({ page }) => {
  await scanCat(page);
  await page.emulateMedia({ media: "print" });
  await expect(outcome(card(page, "cat.jpg"))).toBeVisible();
  await expect(card(page, "cat.jpg").getByRole("img")).toBeVisible();
  for (const role of ["button", "textbox", "combobox", "slider", "spinbutton", "link"] as const)
    for (const control of await page.getByRole(role).all())
      if (!(await control.evaluate((element) => element.classList.contains("chip"))))
        await expect(control).toBeHidden();
  await takeScreenshot(page, "print");
});

test("the empty page explains the product", async ({ page }) => {
  await expect(page.getByRole("region", { name: "How it works" })).toBeVisible();
  await scanCat(page);
  await expect(page.getByRole("region", { name: "How it works" })).toHaveCount(0);
});
