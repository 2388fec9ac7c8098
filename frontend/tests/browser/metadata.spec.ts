import { createHash } from "node:crypto";
import type { Page } from "@playwright/test";
import {
  API_URL,
  card,
  choose,
  expect,
  expectAccessible,
  type ImageFile,
  outcome,
  recordSubmissions,
  recordUploads,
  test,
  uniqueSample,
} from "./harness";

const PLACE = "N 52.5163 E 13.3777";
const NOTE = "Before the scan, metadata was removed from the image.";

/** EXIF data whose directory contains orientation 1 and a directory with the position. */
const EXIF = Buffer.concat([
  Buffer.from("Exif\0\0MM\0*", "latin1"),
  Buffer.from("00000008000201120003000000010001000088250004000000010000002600000000", "hex"),
  Buffer.from("0001001c0007000000130000003800000000", "hex"),
  Buffer.from(PLACE),
]);

/** Return a new photo that states the place where it was taken, and the same photo without metadata. */
function geotagged(name: string): { readonly photo: ImageFile; readonly clean: Buffer } {
  const clean = uniqueSample("cat.jpg").buffer;
  const segment = Buffer.from([0xff, 0xe1, 0, EXIF.length + 2]);
  const trailer = Buffer.from(`taken at ${PLACE}`);
  const buffer = Buffer.concat([clean.subarray(0, 20), segment, EXIF, clean.subarray(20), trailer]);
  return { photo: { name, mimeType: "image/jpeg", buffer }, clean };
}

const checkbox = (page: Page) => page.getByRole("checkbox", { name: "Remove metadata" });
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

test("a photo is uploaded without the place where it was taken", async ({ page }) => {
  const { photo, clean } = geotagged("berlin.jpg");
  const [posts, puts] = [recordSubmissions(page), recordUploads(page)];
  await checkbox(page).check();
  await expectAccessible(page);
  await choose(page, photo);
  await expect(outcome(card(page, "berlin.jpg"))).toHaveText(/^Yes: a cat/);
  await expect(card(page, "berlin.jpg").getByText(NOTE)).toBeVisible();
  expect(posts.map((post) => post.postDataJSON())).toMatchObject([{ sha256: sha256(clean), size: clean.length }]);
  // S3 rejects an upload whose bytes do not have the submitted hash, so the bucket contains these bytes.
  expect(clean.includes(PLACE)).toBe(false);
  expect(await Promise.all(puts.map(async (put) => (await put.response())?.status()))).toEqual([200]);
});

test("a photo is uploaded unchanged unless the user chose to remove metadata", async ({ page }) => {
  const { photo } = geotagged("berlin.jpg");
  const posts = recordSubmissions(page);
  await expect(checkbox(page)).not.toBeChecked();
  await choose(page, photo);
  await expect(outcome(card(page, "berlin.jpg"))).toHaveText(/^Yes: a cat/);
  await expect(card(page, "berlin.jpg").getByText(NOTE)).toBeHidden();
  expect(posts.map((post) => post.postDataJSON().sha256)).toEqual([sha256(photo.buffer)]);
});

test("the choice is remembered, and can be changed", async ({ page }) => {
  await checkbox(page).check();
  await page.reload();
  await expect(checkbox(page)).toBeChecked();
  await checkbox(page).uncheck();
  await page.reload();
  await expect(checkbox(page)).not.toBeChecked();
});

test("photos that differ only in their metadata are one image", async ({ page }) => {
  const { photo, clean } = geotagged("berlin.jpg");
  await checkbox(page).check();
  await choose(page, photo);
  await expect(outcome(card(page, "berlin.jpg"))).toHaveText(/^Yes/);
  await choose(page, { ...photo, name: "copy.jpg", buffer: clean });
  await expect(page.getByText("copy.jpg was already added")).toBeAttached();
  await expect(page.getByRole("article")).toHaveCount(1);
});

test("an image whose metadata cannot be removed is rejected with the reason and not sent", async ({ page }) => {
  const { photo } = geotagged("berlin.jpg");
  const segment = photo.buffer.subarray(20, 24 + EXIF.length);
  const twice = Buffer.concat([photo.buffer.subarray(0, 20), segment, photo.buffer.subarray(20)]);
  const sent: string[] = [];
  page.on("request", (request) => request.url().startsWith(API_URL) && sent.push(request.url()));
  await checkbox(page).check();
  await choose(page, { ...photo, buffer: twice });
  await expect(outcome(card(page, "berlin.jpg"))).toContainText(
    "Cannot remove metadata: the file contains EXIF data twice. Save the image again, or clear “Remove metadata” and",
  );
  await expect(page.getByRole("button", { name: "Retry: berlin.jpg" })).toBeHidden();
  await expectAccessible(page);
  expect(sent).toEqual([]);
});

test.describe("outside a secure context, without a hash,", () => {
  test.beforeEach(async ({ page }) => {
    await page.addInitScript(() => Object.defineProperty(globalThis, "isSecureContext", { value: false }));
    await page.reload();
  });

  test("a photo is sent in the request body without metadata", async ({ page }) => {
    const { photo, clean } = geotagged("berlin.jpg");
    const posts = recordSubmissions(page);
    await checkbox(page).check();
    await choose(page, photo);
    await expect(outcome(card(page, "berlin.jpg"))).toHaveText(/^Yes/);
    expect(posts.map((post) => Buffer.from(post.postDataJSON().file, "base64").equals(clean))).toEqual([true]);
  });
});
