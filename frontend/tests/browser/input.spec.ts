import type { Page } from "@playwright/test";
import {
  card,
  choose,
  expect,
  expectAccessible,
  fillQuestion,
  type ImageFile,
  outcome,
  rotatedByExif,
  takeScreenshot,
  test,
  uniqueSample,
} from "./harness";

const RESULT = /^(Yes|No)/;

test("a selected image is scanned", async ({ page }) => {
  await choose(page, uniqueSample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes: a cat \(\d+\.\d%\)$/);
});

test("dropped images are scanned, and the drop zone shows that it accepts them", async ({ page }) => {
  const dropped = await createTransfer(page, uniqueSample("cat.jpg"), uniqueSample("coffee.jpg"));
  await page.dispatchEvent("body", "dragover", { dataTransfer: dropped });
  await expect(page.getByText("Drop to add images")).toBeVisible();
  await expectAccessible(page);
  await page.dispatchEvent("body", "drop", { dataTransfer: dropped });
  await expect(page.getByText("Drop or paste images here")).toBeVisible();
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  await expect(outcome(card(page, "coffee.jpg"))).toHaveText(/^No cat/);
});

test("a pasted image is scanned", async ({ page }) => {
  const clipboardData = await createTransfer(page, uniqueSample("cat-small.png"));
  await page.evaluate((data) => {
    window.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
  }, clipboardData);
  await expect(outcome(card(page, "cat-small.png"))).toHaveText(RESULT);
});

test("pasted text goes into the field", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.evaluate(() => navigator.clipboard.writeText("dog"));
  await page.getByLabel("What to look for").fill("");
  await page.keyboard.press("ControlOrMeta+V");
  await expect(page.getByLabel("What to look for")).toHaveValue("dog");
  await expect(page.getByRole("article")).toHaveCount(0);
});

test.describe("on a phone", () => {
  test.use({ hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 } });

  test("a photo from the camera is scanned", async ({ page }) => {
    const chooser = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Take a photo" }).tap();
    const input = await (await chooser).element().getAttribute("capture");
    expect(input).toBe("environment");
    await expectAccessible(page);
    await takeScreenshot(page, "touch");
    await (await chooser).setFiles(uniqueSample("cat.jpg"));
    await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  });
});

test("an image with an EXIF orientation is shown upright", async ({ page }) => {
  await choose(page, rotatedByExif(uniqueSample("motorcycle.jpg")));
  const motorcycle = card(page, "motorcycle.jpg");
  await expect(outcome(motorcycle)).toHaveText(RESULT);
  const { width, height } = await motorcycle.getByRole("img").evaluate((image: HTMLImageElement) => ({
    width: image.naturalWidth,
    height: image.naturalHeight,
  }));
  expect(height).toBeGreaterThan(width);
});

/** Create a DataTransfer with files, as for a drop or a paste. */
function createTransfer(page: Page, ...images: ImageFile[]) {
  const files = images.map(({ name, mimeType, buffer }) => ({ name, mimeType, base64: buffer.toString("base64") }));
  return page.evaluateHandle((transferred) => {
    const transfer = new DataTransfer();
    for (const { name, mimeType, base64 } of transferred) {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      transfer.items.add(new File([bytes], name, { type: mimeType }));
    }
    return transfer;
  }, files);
}

test("a label without a visible character is reported", async ({ page }) => {
  const field = page.getByLabel("What to look for");
  await fillQuestion(page, "dog, \u200b");
  await expect(page.getByRole("alert")).toHaveText(/^A label is invalid/);
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await expectAccessible(page);
  await fillQuestion(page, "dog");
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("a label with an invisible character is compared without it", async ({ page }) => {
  const image = uniqueSample("cat.jpg");
  await fillQuestion(page, "cat");
  await choose(page, image);
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes: a cat \(/);
  await fillQuestion(page, "c\u200bat");
  await choose(page, image);
  await expect(page.getByRole("log")).toContainText("was already added");
  await expect(page.getByRole("article")).toHaveCount(1);
});

test("an invalid confidence is reported while it is typed, and no image is added", async ({ page }) => {
  const field = page.getByLabel("Minimum confidence");
  await field.fill("1");
  await expect(page.getByRole("alert")).toHaveText("Enter a number from 25 to 100.");
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await expectAccessible(page);
  await takeScreenshot(page, "invalid-confidence");
  await choose(page, uniqueSample("cat.jpg"));
  await expect(field).toBeFocused();
  await expect(page.getByRole("article")).toHaveCount(0);
  await field.pressSequentially("00");
  await expect(page.getByRole("alert")).toHaveCount(0);
});
