import type { Page } from "@playwright/test";
import { ask, card, choose, expect, expectAccessible, outcome, sample, shoot, test, unseen } from "./page";

const SAMPLES = ["cat.jpg", "astronaut.jpg", "coffee.jpg"];

async function showAnswers(page: Page): Promise<void> {
  await choose(page, ...SAMPLES.map(sample));
  await expect(page.getByRole("heading", { name: "3 answered" })).toBeVisible();
  for (const name of SAMPLES) await expect(card(page, name).locator(".box").first()).toBeVisible();
}

for (const colorScheme of ["light", "dark"] as const)
  for (const [size, width, height] of [
    ["wide", 1280, 900],
    ["phone", 390, 844],
    ["narrow", 320, 640],
  ] as const)
    test.describe(`${colorScheme}, ${size}:`, () => {
      test.use({ colorScheme, viewport: { width, height } });

      test("axe finds nothing, and nothing sticks out", async ({ page }) => {
        await expectAccessible(page);
        await shoot(page, `empty-${size}-${colorScheme}`);
        await page.route(/\/scanrequest\//, () => {});
        await choose(page, unseen("rocket.jpg"));
        await expect(card(page, "rocket.jpg")).toHaveAttribute("data-state", "waiting");
        await expectAccessible(page);
        await shoot(page, `waiting-${size}-${colorScheme}`);
        await page.getByRole("button", { name: "Cancel all" }).click();
        await expectAccessible(page);
        await page.getByRole("button", { name: "Forget all" }).click();
        await page.unroute(/\/scanrequest\//);
        await showAnswers(page);
        await page.getByText("Raw answer").first().click();
        await expectAccessible(page);
        await page.getByText("Raw answer").first().click();
        await shoot(page, `answered-${size}-${colorScheme}`);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      });
    });

test("everything is done by keyboard", async ({ page }) => {
  const focused = page.locator(":focus");
  await page.keyboard.press("Tab");
  await expect(focused).toHaveRole("combobox");
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("animal");
  await page.keyboard.press("Tab");
  await expect(focused).toHaveValue("90");
  await page.keyboard.press("Tab");
  await expect(focused).toHaveText("Choose pictures");
  const chooser = page.waitForEvent("filechooser");
  await page.keyboard.press("Enter");
  await (await chooser).setFiles(unseen("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);

  const reached: string[] = [];
  const stops = ["Forget all", "Cat", "Ask another question", "Raw answer", "Copy", "Link to this answer", "Forget"];
  for (let stop = 0; stop < 25; stop++) {
    await page.keyboard.press("Tab");
    if (!(await focused.count())) continue;
    const { text, outline } = await focused.evaluate((element) => ({
      text: element.textContent ?? "",
      outline: getComputedStyle(element).outlineStyle,
    }));
    expect(outline, `the focus on ${text} is seen`).not.toBe("none");
    reached.push(text.replace(/\s\d.*/, ""));
  }
  expect(reached).toEqual(expect.arrayContaining(stops));
});

test("what happens is said to those who do not see it", async ({ page }) => {
  await choose(page, unseen("cat.jpg"), unseen("coffee.jpg"));
  const log = page.getByRole("log");
  await expect(log).toContainText("2 pictures added");
  await expect(log).toContainText("cat.jpg: Yes: a cat");
  await expect(log).toContainText("coffee.jpg: No cat; the nearest is");
});

test("every target has 24 pixels at least", async ({ page }) => {
  await showAnswers(page);
  const targets = page.locator("button:visible, summary:visible, input:visible, article a:visible");
  const small = await targets.evaluateAll((all) =>
    all
      .map((one) => ({ text: one.outerHTML.slice(0, 80), ...one.getBoundingClientRect().toJSON() }))
      .filter(({ width, height }) => width < 24 || height < 24)
      .map(({ text }) => text),
  );
  expect(small).toEqual([]);
});

test.describe("with reduced motion", () => {
  test.use({ contextOptions: { reducedMotion: "reduce" } });

  test("nothing moves", async ({ page }) => {
    await page.route(/\/scanrequest$/, () => {});
    await choose(page, unseen("cat.jpg"));
    await expect(card(page, "cat.jpg")).toHaveAttribute("data-state", "sending");
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
  });
});

test("an empty label asks for a cat", async ({ page }) => {
  await ask(page, "");
  await choose(page, sample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes: a cat/);
});
