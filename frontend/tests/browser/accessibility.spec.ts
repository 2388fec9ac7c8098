import type { Page } from "@playwright/test";
import {
  card,
  choose,
  expect,
  expectAccessible,
  fillQuestion,
  outcome,
  sample,
  takeScreenshot,
  test,
  uniqueSample,
} from "./harness";

const SAMPLES = ["cat.jpg", "astronaut.jpg", "coffee.jpg"];

async function showResults(page: Page): Promise<void> {
  await choose(page, ...SAMPLES.map(sample));
  await expect(page.getByRole("heading", { name: "3 done" })).toBeVisible();
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

      test("axe finds no violations and the page does not overflow", async ({ page }) => {
        await expectAccessible(page);
        await takeScreenshot(page, `empty-${size}-${colorScheme}`);
        await page.route(/\/scanrequest\//, () => {});
        await choose(page, uniqueSample("rocket.jpg"));
        await expect(card(page, "rocket.jpg")).toHaveAttribute("data-state", "scanning");
        await expectAccessible(page);
        await takeScreenshot(page, `scanning-${size}-${colorScheme}`);
        await page.getByRole("button", { name: "Cancel all" }).click();
        await expectAccessible(page);
        await page.getByRole("button", { name: "Remove: rocket.jpg" }).click();
        await expect(page.getByRole("button", { name: "Remove from this page" })).toBeFocused();
        await expectAccessible(page);
        await takeScreenshot(page, `remove-${size}-${colorScheme}`);
        await page.keyboard.press("Escape");
        await page.getByRole("button", { name: "Remove all" }).click();
        await page.getByRole("button", { name: "Remove from this page" }).click();
        await page.unroute(/\/scanrequest\//);
        await showResults(page);
        await page.getByText("Raw JSON").first().click();
        await expectAccessible(page);
        await page.getByText("Raw JSON").first().click();
        await takeScreenshot(page, `done-${size}-${colorScheme}`);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      });
    });

test("every control is reachable by keyboard", async ({ page }) => {
  const focused = page.locator(":focus");
  for (const name of ["Labels", "Moderation", "Text"]) {
    await page.keyboard.press("Tab");
    await expect(focused).toHaveRole("checkbox");
    await expect(focused).toHaveAccessibleName(name);
  }
  await page.keyboard.press("Tab");
  await expect(focused).toHaveRole("combobox");
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("animal");
  await page.keyboard.press("Tab");
  await expect(focused).toHaveValue("90");
  await page.keyboard.press("Tab");
  await expect(focused).toHaveText("Choose images");
  const chooser = page.waitForEvent("filechooser");
  await page.keyboard.press("Enter");
  await (await chooser).setFiles(uniqueSample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);

  const reached: string[] = [];
  const stops = ["Remove all", "Cat", "Ask a follow-up question", "Raw JSON", "Copy", "Link to this result", "Remove"];
  for (let stop = 0; stop < 25; stop++) {
    await page.keyboard.press("Tab");
    if (!(await focused.count())) continue;
    const { text, outline } = await focused.evaluate((element) => ({
      text: element.textContent ?? "",
      outline: getComputedStyle(element).outlineStyle,
    }));
    expect(outline, `the focus on ${text} is visible`).not.toBe("none");
    reached.push(text.replace(/\s\d.*/, ""));
  }
  expect(reached).toEqual(expect.arrayContaining(stops));
});

test("status updates are announced to screen readers", async ({ page }) => {
  await choose(page, uniqueSample("cat.jpg"), uniqueSample("coffee.jpg"));
  const log = page.getByRole("log");
  await expect(log).toContainText("2 images added");
  await expect(log).toContainText("cat.jpg: Yes: a cat");
  await expect(log).toContainText(/coffee.jpg: No cat. It (shows|may show) /);
});

test("every target is at least 24 pixels wide and high", async ({ page }) => {
  await showResults(page);
  const targets = page.locator("button:visible, summary:visible, input:visible, article a:visible");
  const tooSmall = await targets.evaluateAll((all) =>
    all
      .map((one) => ({ text: one.outerHTML.slice(0, 80), ...one.getBoundingClientRect().toJSON() }))
      .filter(({ width, height }) => width < 24 || height < 24)
      .map(({ text }) => text),
  );
  expect(tooSmall).toEqual([]);
});

test.describe("with reduced motion", () => {
  test.use({ contextOptions: { reducedMotion: "reduce" } });

  test("the page shows no animations", async ({ page }) => {
    await page.route(/\/scanrequests?$/, () => {});
    await choose(page, uniqueSample("cat.jpg"));
    await expect(card(page, "cat.jpg")).toHaveAttribute("data-state", "uploading");
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
  });
});

test("an empty label field looks for a cat", async ({ page }) => {
  await fillQuestion(page, "");
  await choose(page, sample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes: a cat/);
});
