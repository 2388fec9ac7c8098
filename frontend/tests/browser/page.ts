import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test as base, expect, type Locator, type Page, type Request } from "@playwright/test";
import axe from "axe-core";

export { expect };

export interface Picture {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

function address(name: "PAGE_URL" | "API_URL" | "REKOGNITION_URL"): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} must say where the deployed stack is; make test sets it.`);
  return value;
}

export const PAGE_URL = address("PAGE_URL");
export const API_URL = address("API_URL");

export const test = base.extend({
  page: async ({ page }, use) => {
    await watched(page, PAGE_URL, use);
  },
});

/** Opens the page for a test; a script error or a breach of its content security policy fails that. */
export async function watched(page: Page, url: string, use: (page: Page) => Promise<void>): Promise<void> {
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => /Content Security Policy/i.test(message.text()) && errors.push(message.text()));
  await page.goto(url);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await use(page);
  expect(errors).toEqual([]);
}

/** A sample picture that the service has never seen: what follows a picture's end is not part of what it shows. */
export function unseen(name: string, as = name): Picture {
  const mark = Buffer.from(`${Date.now()} ${Math.random()}`);
  return { ...sample(name), name: as, buffer: Buffer.concat([sample(name).buffer, mark]) };
}

export function sample(name: string): Picture {
  const buffer = readFileSync(fileURLToPath(new URL(`../../../samples/${name}`, import.meta.url)));
  return { name, mimeType: name.endsWith(".png") ? "image/png" : "image/jpeg", buffer };
}

/** The same picture in so many bytes: a decoder stops reading where the picture ends. */
export function padded(picture: Picture, bytes: number): Picture {
  return { ...picture, buffer: Buffer.concat([picture.buffer, Buffer.alloc(bytes - picture.buffer.length)]) };
}

/** The same JPEG with metadata that says: turn me a quarter clockwise before you show me. */
export function lyingOnItsSide({ buffer, ...picture }: Picture): Picture {
  const orientation = "4578696600004d4d002a00000008000101120003000000010006000000000000";
  const exif = Buffer.from(orientation, "hex");
  const head = Buffer.from([0xff, 0xd8, 0xff, 0xe1, 0, exif.length + 2]);
  return { ...picture, buffer: Buffer.concat([head, exif, buffer.subarray(2)]) };
}

export async function choose(page: Page, ...pictures: Picture[]): Promise<void> {
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose pictures" }).click();
  await (await chooser).setFiles(pictures);
}

export async function ask(page: Page, label: string, confidence = 90): Promise<void> {
  const form = page.getByRole("region", { name: "Ask" });
  await form.getByLabel("What to look for").fill(label);
  await form.getByLabel("Confidence asked for").fill(String(confidence));
}

/** The requests that ask about a picture, from now on. */
export function submissions(page: Page): Request[] {
  return requests(page, "POST", `${API_URL}/scanrequest`);
}

/** The requests that send a picture's bytes to the storage, from now on. */
export function uploads(page: Page): Request[] {
  return requests(page, "PUT", new URL(PAGE_URL).origin);
}

function requests(page: Page, method: string, prefix: string): Request[] {
  const made: Request[] = [];
  page.on(
    "request",
    (request) => request.method() === method && request.url().startsWith(prefix) && made.push(request),
  );
  return made;
}

/** The card of a picture, by its file's name. */
export function card(page: Page, name: string): Locator {
  return page.getByRole("article").filter({ hasText: name });
}

export function outcome(card: Locator): Locator {
  return card.getByRole("heading", { level: 3 });
}

/** The next calls of Rekognition go as told. */
export async function nextCalls(fault: Record<string, unknown>): Promise<void> {
  const answer = await fetch(`${address("REKOGNITION_URL")}/_control/faults`, {
    method: "POST",
    body: JSON.stringify(fault),
  });
  expect(answer.ok).toBe(true);
}

/** What axe finds wrong with the page as it is now: nothing. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const run = (globalThis as unknown as { axe: typeof axe }).axe.run;
    const { violations } = await run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(", ")}`);
  });
  expect(found).toEqual([]);
}

/** A picture of the page, kept among the artefacts of the run. */
export async function shoot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `artefacts/screenshots/${name}.png`, fullPage: true });
}
