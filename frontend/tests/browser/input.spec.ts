import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import type { Page } from "@playwright/test";
import {
  card,
  choose,
  expect,
  expectAccessible,
  fillQuestion,
  type ImageFile,
  outcome,
  PAGE_URL,
  padded,
  recordSubmissions,
  rotatedByExif,
  sample,
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
  await expect(page.getByText("Drop or paste images or folders here")).toBeVisible();
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
  await page.getByLabel("Labels to find").fill("");
  await page.keyboard.press("ControlOrMeta+V");
  await expect(page.getByLabel("Labels to find")).toHaveValue("dog");
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
  const field = page.getByLabel("Labels to find");
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

test("a folder is added with the images in all of its folders", async ({ page }, info) => {
  const folder = info.outputPath("folder");
  mkdirSync(`${folder}/inner/.thumbnails`, { recursive: true });
  writeFileSync(`${folder}/cat.jpg`, uniqueSample("cat.jpg").buffer);
  writeFileSync(`${folder}/notes.txt`, "not an image");
  writeFileSync(`${folder}/inner/coffee.jpg`, uniqueSample("coffee.jpg").buffer);
  writeFileSync(`${folder}/inner/.thumbnails/coffee.jpg`, uniqueSample("coffee.jpg").buffer);
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose a folder" }).click();
  await (await chooser).setFiles(folder);
  await expect(page.getByRole("article")).toHaveCount(2);
  await expect(page.getByText("1 file was skipped, because it is not an image.")).toBeVisible();
  await expect(outcome(card(page, "folder/cat.jpg"))).toHaveText(/^Yes/);
  await expect(outcome(card(page, "folder/inner/coffee.jpg"))).toHaveText(/^No cat/);
  await expectAccessible(page);
});

test("a dropped folder is read completely, with more entries than a browser returns at a time", async ({ page }) => {
  await page.route(/\/scanrequests?$/, () => {});
  const count = 130;
  await page.evaluate((count) => {
    const file = (name: string) => ({
      isDirectory: false,
      name,
      fullPath: `/photos/${name}`,
      file: (resolve: (file: File) => void) => resolve(new File([name], name)),
    });
    const batches = [
      Array.from({ length: 100 }, (_, index) => file(`${index}.jpg`)),
      [...Array.from({ length: count - 100 }, (_, index) => file(`${100 + index}.jpg`)), file("notes.txt")],
      [],
    ];
    const directory = {
      isDirectory: true,
      createReader: () => ({ readEntries: (resolve: (entries: object[]) => void) => resolve(batches.shift() ?? []) }),
    };
    DataTransferItem.prototype.webkitGetAsEntry = () => directory as unknown as FileSystemEntry;
  }, count);
  await page.dispatchEvent("body", "drop", { dataTransfer: await createTransfer(page, sample("cat.jpg")) });
  await expect(page.locator(".tile")).toHaveCount(count);
  await expect(page.locator(".tile").filter({ hasText: "photos/129.jpg" })).toBeVisible();
  await expect(page.getByText("1 file was skipped, because it is not an image.")).toBeVisible();
});

test("an image that is dragged from another page without its file is explained", async ({ page }) => {
  const dataTransfer = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.setData("text/uri-list", "https://example.com/cat.jpg");
    return transfer;
  });
  await page.dispatchEvent("body", "dragover", { dataTransfer });
  await page.dispatchEvent("body", "drop", { dataTransfer });
  await expect(page.getByText(/^This is a link, not a file\. Save the image and drop the file/)).toBeVisible();
  await expect(page).toHaveURL(PAGE_URL);
  await expect(page.getByRole("article")).toHaveCount(0);
  await expectAccessible(page);
  await takeScreenshot(page, "link");
});

test("text can be dragged into the label field", async ({ page }) => {
  const field = page.getByLabel("Labels to find");
  await field.fill("");
  await page.evaluate(() => {
    const text = document.createElement("p");
    text.textContent = "dog";
    text.draggable = true;
    text.id = "dragged";
    text.ondragstart = (event) => event.dataTransfer?.setData("text/plain", "dog");
    document.querySelector("main")?.prepend(text);
  });
  await page.locator("#dragged").dragTo(field);
  await expect(field).toHaveValue("dog");
  await expect(page.getByText("Drop to add images")).toHaveCount(0);
});

test("a spreadsheet cell that is pasted into the label field is text, not an image", async ({ page }) => {
  const clipboardData = await createTransfer(page, sample("cat-small.png"));
  await clipboardData.evaluate((data) => data.setData("text/plain", "dog"));
  const field = page.getByLabel("Labels to find");
  const isInserted = await field.evaluate(
    (element, data) =>
      element.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })),
    clipboardData,
  );
  expect(isInserted).toBe(true);
  await expect(page.getByRole("article")).toHaveCount(0);
});

for (const [format, extension] of [
  ["WebP", "webp"],
  ["AVIF", "avif"],
  ["GIF", "gif"],
  ["HEIC", "heic"],
] as const)
  test(`a ${format} image is converted`, async ({ page }) => {
    const posts = recordSubmissions(page);
    const path = fileURLToPath(new URL(`data/cat.${extension}`, import.meta.url));
    await choose(page, { name: `cat.${extension}`, mimeType: "", buffer: readFileSync(path) });
    const cat = card(page, `cat.${extension}`);
    await expect(outcome(cat)).toHaveText(/^Yes: a cat/);
    await expect(cat.getByText(`Before the scan, the image was converted from ${format} to JPEG.`)).toBeVisible();
    await expect(cat.getByRole("img")).toBeVisible();
    expect(posts[0]?.postDataJSON()).toMatchObject({ fileType: "image/jpeg" });
    await expectAccessible(page);
  });

test("an image is kept if a part of the page cannot be loaded, and is sent after a reload", async ({ page }) => {
  await page.route(/assets\/convert-/, (route) => route.fulfill({ status: 404 }));
  await choose(page, padded(uniqueSample("cat.jpg"), 15 * 1024 * 1024 + 1));
  await expect(outcome(card(page, "cat.jpg"))).toContainText("Reload the page, and then try again.");
  await page.unroute(/assets\/convert-/);
  await page.reload();
  await page.getByRole("button", { name: "Retry: cat.jpg" }).click();
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
});

test("an image above 15 MB is reduced", async ({ page }) => {
  await choose(page, padded(uniqueSample("cat.jpg"), 15 * 1024 * 1024 + 1));
  const cat = card(page, "cat.jpg");
  await expect(outcome(cat)).toHaveText(/^Yes/);
  await expect(cat.getByText(/the image was reduced from 15\.8 MB to 0\.1 MB\.$/)).toBeVisible();
});

test("an image with more than 10,000 pixels is scaled", async ({ page }) => {
  const base64 = await page.evaluate(async () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [12_000, 600];
    canvas.getContext("2d")?.fillRect(0, 0, 6_000, 600);
    return canvas.toDataURL("image/png").split(",")[1] ?? "";
  });
  await choose(page, { name: "wide.png", mimeType: "image/png", buffer: Buffer.from(base64, "base64") });
  await expect(outcome(card(page, "wide.png"))).toHaveText(RESULT);
  await expect(card(page, "wide.png").getByText("scaled from 12,000 × 600 to 4,096 × 205 pixels.")).toBeVisible();
});

for (const [description, change] of [
  ["without an end", (jpeg: Buffer) => jpeg.subarray(0, jpeg.lastIndexOf(Buffer.from([0xff, 0xd9])))],
  [
    "with stray bytes between its segments",
    (jpeg: Buffer) => {
      const second = 4 + jpeg.readUInt16BE(4);
      return Buffer.concat([jpeg.subarray(0, second), Buffer.from([0x3f, 0x3f]), jpeg.subarray(second)]);
    },
  ],
] as const)
  test(`a JPEG ${description} is scanned`, async ({ page }) => {
    await choose(page, { ...sample("cat.jpg"), buffer: change(sample("cat.jpg").buffer) });
    await expect(outcome(card(page, "cat.jpg"))).toHaveText(RESULT);
    await expect(card(page, "cat.jpg").getByRole("img")).toBeVisible();
  });

test("a PNG with an eXIf orientation is shown as it is scanned, so that boxes match", async ({ page }) => {
  const image = sample("cat-small.png");
  await choose(page, image, { ...image, name: "rotated.png", buffer: withExifOrientation(image.buffer, 6) });
  const sizes = [];
  for (const name of ["cat-small.png", "rotated.png"]) {
    await expect(outcome(card(page, name))).toHaveText(RESULT);
    const img = card(page, name).getByRole("img");
    sizes.push(await img.evaluate((one: HTMLImageElement) => [one.naturalWidth, one.naturalHeight]));
  }
  expect(sizes[1]).toEqual(sizes[0]);
  expect(sizes[0]?.[0]).not.toBe(sizes[0]?.[1]);
});

/** Insert an eXIf chunk with an orientation after the header of a PNG. */
function withExifOrientation(png: Buffer, orientation: number): Buffer {
  const data = Buffer.from(
    `4d4d002a00000008000101120003000000010${orientation.toString(16).padStart(3, "0")}000000000000`,
    "hex",
  );
  const content = Buffer.concat([Buffer.from("eXIf"), data]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(content));
  const header = 33;
  return Buffer.concat([png.subarray(0, header), length, content, checksum, png.subarray(header)]);
}
