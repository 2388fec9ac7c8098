import type { Locator, Page } from "@playwright/test";
import {
  API_URL,
  card,
  choose,
  expect,
  expectAccessible,
  fillQuestion,
  outcome,
  sample,
  takeScreenshot,
  test,
} from "./harness";

const QUESTIONS = /\/questions$/;

const results = (within: Locator) => within.getByRole("list", { name: "Results by label" }).getByRole("listitem");
const followUps = (card: Locator) => card.locator(".follow-ups > li");

const matchModeField = (page: Page) => page.getByRole("combobox", { name: "Match" });

async function scanCat(page: Page): Promise<Locator> {
  await choose(page, sample("cat.jpg"));
  const cat = card(page, "cat.jpg");
  await expect(outcome(cat)).toHaveText(/^Yes: a cat/);
  return cat;
}

async function askFollowUp(cat: Locator, labels: string): Promise<void> {
  const form = cat.getByRole("form");
  if (!(await form.isVisible())) await cat.getByText("Ask a follow-up question").click();
  await form.getByLabel("Labels to find").fill(labels);
  await form.getByRole("button", { name: "Ask" }).click();
}

test("the match mode is shown only for several labels", async ({ page }) => {
  const matchMode = matchModeField(page);
  await expect(matchMode).toHaveCount(0);
  await fillQuestion(page, "cat, dog");
  await expect(matchMode).toHaveValue("any");
  await expectAccessible(page);
  await fillQuestion(page, "cat,");
  await expect(matchMode).toHaveCount(0);
});

for (const [matchMode, text] of [
  ["any", /^Yes: a cat \(\d+\.\d%\)$/],
  ["all", /^No: a cat \(\d+\.\d%\), but no car$/],
  ["none", /^No: a cat \(\d+\.\d%\)$/],
] as const)
  test(`match mode ${matchMode} shows a result for all labels and for each`, async ({ page }) => {
    await fillQuestion(page, "cat, car");
    await matchModeField(page).selectOption(matchMode);
    await choose(page, sample("cat.jpg"));
    const cat = card(page, "cat.jpg");
    await expect(outcome(cat)).toHaveText(text);
    await expect(results(cat)).toHaveText([/^Yes: a cat \(\d+\.\d%\)$/, /^No car\. It (shows|may show) /]);
    await expect(cat.getByText(`${matchMode} of “cat”, “car” at 90% or higher`)).toBeVisible();
  });

test("a suggestion completes the label after the last comma", async ({ page }) => {
  await scanCat(page);
  await fillQuestion(page, "dog, ");
  const suggested = page.locator(".ask datalist option");
  await expect(suggested.first()).toHaveAttribute("value", /^dog, \w/);
});

test("a follow-up question adds a result without another request", async ({ page }) => {
  const cat = await scanCat(page);
  const sent: string[] = [];
  page.on("request", (request) => request.url().startsWith(API_URL) && sent.push(request.url()));
  await askFollowUp(cat, "car");
  await expect(followUps(cat)).toHaveText([/^No car\. It (shows|may show) .*“car” at 90% or higher$/]);
  await askFollowUp(cat, "animal, car");
  await expect(followUps(cat)).toHaveCount(2);
  await expect(followUps(cat).first()).toHaveText(/^Yes: a(n animal|.*, which is an animal) \(\d+\.\d%\)/);
  await expect(results(followUps(cat).first())).toHaveCount(2);
  expect(sent).toEqual([expect.stringMatching(QUESTIONS), expect.stringMatching(QUESTIONS)]);
  await expect(outcome(cat)).toHaveText(/^Yes: a cat/);
  await expect(page.getByRole("article")).toHaveCount(1);
  await expect(page.getByRole("log")).toContainText("cat.jpg: No car");
  await expectAccessible(page);

  await page.reload();
  await expect(followUps(card(page, "cat.jpg"))).toHaveCount(2);
});

test("a follow-up question highlights the label that it finds", async ({ page }) => {
  await choose(page, sample("motorcycle.jpg"));
  const motorcycle = card(page, "motorcycle.jpg");
  await expect(outcome(motorcycle)).toHaveText(/^No cat/);
  await askFollowUp(motorcycle, "motorcycle");
  await expect(followUps(motorcycle)).toHaveText([/^Yes: a motorcycle/]);
  await expect(motorcycle.locator(".box.highlighted").first()).toHaveAttribute("data-caption", /^Motorcycle /);
  await expect(motorcycle.getByRole("button", { name: /^Motorcycle / })).toHaveAttribute("aria-pressed", "true");
});

test("a follow-up question by keyboard keeps the focus in its field", async ({ page }) => {
  const cat = await scanCat(page);
  await cat.getByText("Ask a follow-up question").focus();
  await page.keyboard.press("Enter");
  for (let stop = 0; stop < 4; stop++) await page.keyboard.press("Tab");
  await page.keyboard.type("car");
  await page.keyboard.press("Enter");
  await expect(followUps(cat)).toHaveText([/^No car/]);
  await expect(cat.getByRole("form").getByLabel("Labels to find")).toBeFocused();
});

for (const [status, code, text] of [
  [404, "request_not_found", "Request not found: Reason."],
  [429, "too_many_requests", "Too many requests: Reason."],
  [503, "x", "Service unavailable: Reason."],
] as const)
  test(`a ${status} response to a follow-up question is shown, and the question can be asked again`, async ({
    page,
  }) => {
    const cat = await scanCat(page);
    await page.route(QUESTIONS, (route) => route.fulfill({ status, json: { code, message: "Reason." } }), {
      times: 1,
    });
    await askFollowUp(cat, "car");
    await expect(cat.getByRole("alert")).toHaveText(text);
    await expectAccessible(page);
    await askFollowUp(cat, "car");
    await expect(followUps(cat)).toHaveText([/^No car/]);
    await expect(cat.getByRole("alert")).toHaveCount(0);
  });

for (const [size, colorScheme, width] of [
  ["phone", "light", 390],
  ["narrow", "dark", 320],
  ["wide", "light", 1280],
] as const)
  test.describe(`${colorScheme}, ${size}:`, () => {
    test.use({ colorScheme, viewport: { width, height: 844 } });

    test("several labels and follow-up questions do not overflow, and axe finds no violations", async ({ page }) => {
      await fillQuestion(page, "cat, a label that is longer than most others");
      await choose(page, sample("cat.jpg"));
      const cat = card(page, "cat.jpg");
      await expect(results(cat)).toHaveCount(2);
      await askFollowUp(cat, "dog");
      await expect(followUps(cat)).toHaveCount(1);
      await askFollowUp(cat, "pet, animal, car");
      await expect(followUps(cat)).toHaveCount(2);
      await expectAccessible(page);
      await takeScreenshot(page, `follow-ups-${size}-${colorScheme}`);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    });
  });
