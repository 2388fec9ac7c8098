import type { Page } from "@playwright/test";
import {
  card,
  choose,
  expect,
  expectAccessible,
  lyingOnItsSide,
  outcome,
  type Picture,
  shoot,
  test,
  unseen,
} from "./page";

const ANSWER = /^(Yes|No)/;

test("a chosen picture is answered", async ({ page }) => {
  await choose(page, unseen("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes: a cat, \d\d\s%$/);
});

test("dropped pictures are answered, and the page says where to let go", async ({ page }) => {
  const dropped = await transferOf(page, unseen("cat.jpg"), unseen("coffee.jpg"));
  await page.dispatchEvent("body", "dragover", { dataTransfer: dropped });
  await expect(page.getByText("Let go to add the pictures")).toBeVisible();
  await expectAccessible(page);
  await page.dispatchEvent("body", "drop", { dataTransfer: dropped });
  await expect(page.getByText("Drop pictures here, or paste them")).toBeVisible();
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  await expect(outcome(card(page, "coffee.jpg"))).toHaveText(/^No cat/);
});

test("a pasted picture is answered", async ({ page }) => {
  const clipboardData = await transferOf(page, unseen("cat-small.png"));
  await page.evaluate((data) => {
    window.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
  }, clipboardData);
  await expect(outcome(card(page, "cat-small.png"))).toHaveText(ANSWER);
});

test("pasted text is text, and no picture", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.evaluate(() => navigator.clipboard.writeText("dog"));
  await page.getByLabel("What to look for").fill("");
  await page.keyboard.press("ControlOrMeta+V");
  await expect(page.getByLabel("What to look for")).toHaveValue("dog");
  await expect(page.getByRole("article")).toHaveCount(0);
});

test.describe("on a phone", () => {
  test.use({ hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 } });

  test("the camera takes a picture", async ({ page }) => {
    const chooser = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Take a photo" }).tap();
    const input = await (await chooser).element().getAttribute("capture");
    expect(input).toBe("environment");
    await expectAccessible(page);
    await shoot(page, "touch");
    await (await chooser).setFiles(unseen("cat.jpg"));
    await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  });
});

test("a picture taken sideways is shown upright, with its boxes where they belong", async ({ page }) => {
  await choose(page, lyingOnItsSide(unseen("motorcycle.jpg")));
  const picture = card(page, "motorcycle.jpg");
  await expect(outcome(picture)).toHaveText(ANSWER);
  const { width, height } = await picture.getByRole("img").evaluate((image: HTMLImageElement) => ({
    width: image.naturalWidth,
    height: image.naturalHeight,
  }));
  expect(height).toBeGreaterThan(width);
});

/** Files as a drag or the clipboard holds them. */
function transferOf(page: Page, ...pictures: Picture[]) {
  const files = pictures.map(({ name, mimeType, buffer }) => ({ name, mimeType, base64: buffer.toString("base64") }));
  return page.evaluateHandle((given) => {
    const transfer = new DataTransfer();
    for (const { name, mimeType, base64 } of given) {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      transfer.items.add(new File([bytes], name, { type: mimeType }));
    }
    return transfer;
  }, files);
}
