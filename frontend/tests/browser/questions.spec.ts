import type { Locator, Page } from "@playwright/test";
import { API_URL, ask, card, choose, expect, expectAccessible, outcome, sample, shoot, test } from "./page";

const QUESTIONS = /\/questions$/;

const results = (within: Locator) => within.getByRole("list", { name: "For each label" }).getByRole("listitem");
const further = (card: Locator) => card.locator(".further > li");

async function answeredCat(page: Page): Promise<Locator> {
  await choose(page, sample("cat.jpg"));
  const cat = card(page, "cat.jpg");
  await expect(outcome(cat)).toHaveText(/^Yes: a cat/);
  return cat;
}

async function askMore(cat: Locator, labels: string): Promise<void> {
  const form = cat.getByRole("form");
  if (!(await form.isVisible())) await cat.getByText("Ask another question").click();
  await form.getByLabel("What to look for").fill(labels);
  await form.getByRole("button", { name: "Ask" }).click();
}

test("how many labels make a yes is asked only when there are several", async ({ page }) => {
  const howMany = page.getByLabel("A yes takes");
  await expect(howMany).toHaveCount(0);
  await ask(page, "cat, dog");
  await expect(howMany).toHaveValue("any");
  await expectAccessible(page);
  await ask(page, "cat,");
  await expect(howMany).toHaveCount(0);
});

for (const [match, words] of [
  ["any", /^Yes: a cat \(\d\d\s%\)$/],
  ["all", /^No: a cat \(\d\d\s%\), but no car$/],
  ["none", /^No: a cat \(\d\d\s%\)$/],
] as const)
  test(`${match} of several labels is answered for all together, and for each`, async ({ page }) => {
    await ask(page, "cat, car");
    await page.getByLabel("A yes takes").selectOption(match);
    await choose(page, sample("cat.jpg"));
    const cat = card(page, "cat.jpg");
    await expect(outcome(cat)).toHaveText(words);
    await expect(results(cat)).toHaveText([/^Yes: a cat, \d\d\s%$/, /^No car; the nearest is/]);
    await expect(cat.getByText(`asked for ${match} of “cat”, “car” at 90 %`)).toBeVisible();
  });

test("a suggestion is for the label after the last comma", async ({ page }) => {
  await answeredCat(page);
  await ask(page, "dog, ");
  const suggested = page.locator(".ask datalist option");
  await expect(suggested.first()).toHaveAttribute("value", /^dog, \w/);
});

test("another question is answered in place, without another request or scan", async ({ page }) => {
  const cat = await answeredCat(page);
  const sent: string[] = [];
  page.on("request", (request) => request.url().startsWith(API_URL) && sent.push(request.url()));
  await askMore(cat, "car");
  await expect(further(cat)).toHaveText([/^No car; the nearest is .*asked for “car” at 90\s%$/]);
  await askMore(cat, "animal, car");
  await expect(further(cat)).toHaveCount(2);
  await expect(further(cat).first()).toHaveText(/^Yes: a(n animal|.*, which is an animal) \(\d\d\s%\)/);
  await expect(results(further(cat).first())).toHaveCount(2);
  expect(sent).toEqual([expect.stringMatching(QUESTIONS), expect.stringMatching(QUESTIONS)]);
  await expect(outcome(cat)).toHaveText(/^Yes: a cat/);
  await expect(page.getByRole("article")).toHaveCount(1);
  await expect(page.getByRole("log")).toContainText("cat.jpg: No car");
  await expectAccessible(page);

  await page.reload();
  await expect(further(card(page, "cat.jpg"))).toHaveCount(2);
});

test("another question lights what it finds", async ({ page }) => {
  await choose(page, sample("motorcycle.jpg"));
  const picture = card(page, "motorcycle.jpg");
  await expect(outcome(picture)).toHaveText(/^No cat/);
  await askMore(picture, "motorcycle");
  await expect(further(picture)).toHaveText([/^Yes: a motorcycle/]);
  await expect(picture.locator(".box.lit").first()).toHaveAttribute("data-caption", /^Motorcycle /);
  await expect(picture.getByRole("button", { name: /^Motorcycle / })).toHaveAttribute("aria-pressed", "true");
});

test("another question by keyboard keeps the focus where it was asked", async ({ page }) => {
  const cat = await answeredCat(page);
  await cat.getByText("Ask another question").focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.type("car");
  await page.keyboard.press("Enter");
  await expect(further(cat)).toHaveText([/^No car/]);
  await expect(cat.getByRole("form").getByLabel("What to look for")).toBeFocused();
});

for (const [status, words] of [
  [404, "No longer known: Gone."],
  [429, "Too many at once: Gone."],
  [503, "The service does not answer: Gone."],
] as const)
  test(`a question that is answered with ${status} says so, and may be asked again`, async ({ page }) => {
    const cat = await answeredCat(page);
    await page.route(QUESTIONS, (route) => route.fulfill({ status, json: { code: "x", message: "Gone." } }), {
      times: 1,
    });
    await askMore(cat, "car");
    await expect(cat.getByRole("alert")).toHaveText(words);
    await expectAccessible(page);
    await askMore(cat, "car");
    await expect(further(cat)).toHaveText([/^No car/]);
    await expect(cat.getByRole("alert")).toHaveCount(0);
  });

for (const [size, colorScheme, width] of [
  ["phone", "light", 390],
  ["narrow", "dark", 320],
  ["wide", "light", 1280],
] as const)
  test.describe(`${colorScheme}, ${size}:`, () => {
    test.use({ colorScheme, viewport: { width, height: 844 } });

    test("several labels and further questions fit, and axe finds nothing", async ({ page }) => {
      await ask(page, "cat, something that is nowhere to be seen");
      await choose(page, sample("cat.jpg"));
      const cat = card(page, "cat.jpg");
      await expect(results(cat)).toHaveCount(2);
      await askMore(cat, "dog");
      await expect(further(cat)).toHaveCount(1);
      await askMore(cat, "pet, animal, car");
      await expect(further(cat)).toHaveCount(2);
      await expectAccessible(page);
      await shoot(page, `questions-${size}-${colorScheme}`);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    });
  });
