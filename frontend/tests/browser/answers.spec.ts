import type { Locator, Page } from "@playwright/test";
import type { ScanRequest } from "../../src/api/contract";
import { API_URL, ask, card, choose, expect, expectAccessible, outcome, sample, test, unseen } from "./page";

async function answeredCat(page: Page): Promise<Locator> {
  await choose(page, sample("cat.jpg"));
  const cat = card(page, "cat.jpg");
  await expect(outcome(cat)).toHaveText(/^Yes: a cat/);
  return cat;
}

async function requestOf(card: Locator): Promise<ScanRequest> {
  const id = await card.locator("code").textContent();
  return (await fetch(`${API_URL}/scanrequest/${id}`)).json() as Promise<ScanRequest>;
}

const chip = (card: Locator, name: string) => card.getByRole("button", { name: new RegExp(`^${name} `) });

test("three dropped samples read three right answers with boxes", async ({ page }) => {
  await choose(page, unseen("cat.jpg"), unseen("astronaut.jpg"), unseen("coffee.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes: a cat, \d\d\s%$/);
  await expect(outcome(card(page, "astronaut.jpg"))).toHaveText(/^No cat; the nearest is a person, \d\d\s%$/);
  await expect(outcome(card(page, "coffee.jpg"))).toHaveText(/^No cat; the nearest is a .*cup, \d\d\s%$/);
  for (const name of ["cat.jpg", "astronaut.jpg", "coffee.jpg"])
    await expect(card(page, name).locator(".box").first()).toBeVisible();
  await expect(page.getByRole("heading", { name: "3 answered" })).toBeVisible();
});

test("a box lies over the picture where the service saw it", async ({ page }) => {
  const cat = await answeredCat(page);
  const seen = (await requestOf(cat)).match?.boxes[0];
  const image = await cat.getByRole("img").boundingBox();
  const drawn = await cat.locator(".box.lit").boundingBox();
  if (!seen || !image || !drawn) throw new Error("There is no box.");
  expect((drawn.x - image.x) / image.width).toBeCloseTo(seen.left, 2);
  expect((drawn.y - image.y) / image.height).toBeCloseTo(seen.top, 2);
  expect(drawn.width / image.width).toBeCloseTo(seen.width, 2);
  expect(drawn.height / image.height).toBeCloseTo(seen.height, 2);
});

test("the answer says more than the one label", async ({ page }) => {
  const cat = await answeredCat(page);
  await expect(chip(cat, "Animal")).toBeVisible();
  await expect(
    cat.getByText(/Cat is a kind of .*Mammal.*; is also called .*; belongs to .*; is seen once/),
  ).toBeVisible();
});

test("hovering and focusing a label light its boxes, and choosing it keeps them lit", async ({ page }) => {
  await choose(page, sample("motorcycle.jpg"));
  const picture = card(page, "motorcycle.jpg");
  await expect(outcome(picture)).toHaveText(/^No cat/);
  const names = (await requestOf(picture)).labels.filter(({ boxes }) => boxes.length).map(({ name }) => name);
  await picture.getByRole("slider").fill("0");
  const [first = "", last = ""] = [names[0], names.at(-1)];
  const lit = picture.locator(".box.lit");

  await chip(picture, last).hover();
  await expect(lit.first()).toHaveAttribute("data-caption", new RegExp(`^${last} `));
  await page.mouse.move(0, 0);
  await chip(picture, first).focus();
  await expect(lit.first()).toHaveAttribute("data-caption", new RegExp(`^${first} `));
  await chip(picture, last).click();
  await page.mouse.move(0, 0);
  await page.keyboard.press("Tab");
  await expect(chip(picture, last)).toHaveAttribute("aria-pressed", "true");
  await expect(lit.first()).toHaveAttribute("data-caption", new RegExp(`^${last} `));
});

test("the slider hides what is less sure", async ({ page }) => {
  const cat = await answeredCat(page);
  const { labels } = await requestOf(cat);
  const shown = cat.getByRole("list", { name: "What is in it" }).getByRole("listitem");
  for (const least of [0, 50, 98, 100]) {
    await cat.getByRole("slider").fill(String(least));
    await expect(shown).toHaveCount(labels.filter(({ confidence }) => confidence >= least).length);
  }
});

test("labels seen so far are suggested", async ({ page }) => {
  await answeredCat(page);
  const suggested = await page
    .locator(".ask datalist option")
    .evaluateAll((all) => all.map((one) => (one as HTMLOptionElement).value));
  expect(suggested).toEqual(expect.arrayContaining(["animal", "cat", "pet"]));
});

test("another label and another confidence are asked for as they stand in the form", async ({ page }) => {
  await ask(page, "animal", 40);
  await choose(page, unseen("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes: an? (animal|cat)/);
  expect(await requestOf(card(page, "cat.jpg"))).toMatchObject({ label: "animal", min_confidence: 40 });
});

test("a label that is seen, but not surely enough, is a no that says so", async ({ page }) => {
  await ask(page, "cat", 100);
  await choose(page, sample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^No, not at 100\s%: perhaps a cat, \d\d\s%$/);
});

test("the raw answer is there on demand", async ({ page }) => {
  const cat = await answeredCat(page);
  await expect(cat.locator("pre")).toBeHidden();
  await cat.getByText("Raw answer").click();
  expect(JSON.parse((await cat.locator("pre").textContent()) ?? "")).toEqual(await requestOf(cat));
});

test("the request's id is copied", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const cat = await answeredCat(page);
  await cat.getByRole("button", { name: "Copy the request's id" }).click();
  await expect(cat.getByText("Copied").first()).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe((await requestOf(cat)).request_id);
});

test("the link opens the answer again, here with its picture and elsewhere without", async ({ page, browser }) => {
  const cat = await answeredCat(page);
  await cat.getByRole("link", { name: "Link to this answer" }).click();
  await expect(card(page, "cat.jpg")).toBeFocused();
  await expect(page.getByRole("article")).toHaveCount(1);
  await expect(card(page, "cat.jpg").getByRole("img")).toBeVisible();

  const elsewhere = await (await browser.newContext()).newPage();
  await elsewhere.goto(page.url());
  await expect(outcome(elsewhere.getByRole("article"))).toHaveText(/^Yes: a cat/);
  await expect(elsewhere.getByText("opened by its link")).toHaveCount(0);
  await expect(elsewhere.getByText("asked for “cat”")).toBeVisible();
  await expect(elsewhere.getByRole("img")).toHaveCount(0);
  await expectAccessible(elsewhere);
  await elsewhere.context().close();
});
