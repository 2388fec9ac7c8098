import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test as base, expect, type Locator, type Page, type Request } from "@playwright/test";
import axe from "axe-core";
import { withNewContent } from "./new-content";

export { expect };

export interface ImageFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

function stackUrl(name: "PAGE_URL" | "API_URL" | "REKOGNITION_URL"): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set. It is the URL of a deployed stack, and make test-e2e sets it.`);
  return value;
}

export const PAGE_URL = stackUrl("PAGE_URL");
export const API_URL = stackUrl("API_URL");

export const test = base.extend({
  page: async ({ page }, use) => {
    await openPage(page, PAGE_URL, use);
  },
});

/** Open the page for a test. Script errors and violations of the content security policy fail the test. */
export async function openPage(page: Page, url: string, use: (page: Page) => Promise<void>): Promise<void> {
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => /Content Security Policy/i.test(message.text()) && errors.push(message.text()));
  await page.goto(url);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await use(page);
  expect(errors).toEqual([]);
}

/** Return a sample image with new content. */
export function uniqueSample(name: string, as = name): ImageFile {
  return { ...sample(name), name: as, buffer: withNewContent(sample(name).buffer) };
}

export function sample(name: string): ImageFile {
  const buffer = readFileSync(fileURLToPath(new URL(`../../../samples/${name}`, import.meta.url)));
  return { name, mimeType: name.endsWith(".png") ? "image/png" : "image/jpeg", buffer };
}

/** Pad an image file to a size. Decoders ignore the bytes after the end of the image. */
export function padded(image: ImageFile, bytes: number): ImageFile {
  return { ...image, buffer: Buffer.concat([image.buffer, Buffer.alloc(bytes - image.buffer.length)]) };
}

/** Add EXIF orientation 6 to a JPEG: viewers rotate it by 90 degrees clockwise. */
export function rotatedByExif({ buffer, ...image }: ImageFile): ImageFile {
  const orientation = "4578696600004d4d002a00000008000101120003000000010006000000000000";
  const exif = Buffer.from(orientation, "hex");
  const head = Buffer.from([0xff, 0xd8, 0xff, 0xe1, 0, exif.length + 2]);
  return { ...image, buffer: Buffer.concat([head, exif, buffer.subarray(2)]) };
}

export async function choose(page: Page, ...images: ImageFile[]): Promise<void> {
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose images" }).click();
  await (await chooser).setFiles(images);
}

export async function fillQuestion(page: Page, label: string, confidence = 90): Promise<void> {
  const form = page.getByRole("region", { name: "New scan" });
  await form.getByLabel("Labels to find").fill(label);
  await form.getByLabel("Minimum confidence").fill(String(confidence));
}

/** Select exactly these features in the fields of a question. */
export async function selectFeatures(fields: Locator, ...selected: string[]): Promise<void> {
  for (const feature of ["Labels", "Moderation", "Text"])
    await fields.getByRole("checkbox", { name: feature }).setChecked(selected.includes(feature));
}

/** Record the submissions to the API from now on. */
export function recordSubmissions(page: Page): Request[] {
  return recordRequests(page, "POST", `${API_URL}/scanrequest`);
}

/** Record the uploads to S3 from now on. */
export function recordUploads(page: Page): Request[] {
  return recordRequests(page, "PUT", new URL(PAGE_URL).origin);
}

function recordRequests(page: Page, method: string, prefix: string): Request[] {
  const recorded: Request[] = [];
  page.on(
    "request",
    (request) => request.method() === method && request.url().startsWith(prefix) && recorded.push(request),
  );
  return recorded;
}

/** Find the card of an image by its file name. */
export function card(page: Page, name: string): Locator {
  return page.getByRole("article").filter({ hasText: name });
}

export function outcome(card: Locator): Locator {
  return card.getByRole("heading", { level: 3 });
}

/** Inject a fault into the next calls to the Rekognition emulator. */
export async function injectFault(fault: Record<string, unknown>): Promise<void> {
  const response = await fetch(`${stackUrl("REKOGNITION_URL")}/_control/faults`, {
    method: "POST",
    body: JSON.stringify(fault),
  });
  expect(response.ok).toBe(true);
}

/** Check the current state of the page with axe. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const run = (globalThis as unknown as { axe: typeof axe }).axe.run;
    const { violations } = await run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(", ")}`);
  });
  expect(found).toEqual([]);
}

/** Save a screenshot of the page in artefacts/screenshots. */
export async function takeScreenshot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `artefacts/screenshots/${name}.png`, fullPage: true });
}
