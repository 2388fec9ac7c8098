import { test as base, type Page } from "@playwright/test";
import { card, choose, expect, expectAccessible, openPage, outcome, takeScreenshot, uniqueSample } from "./harness";
import { AuthenticatedStack, Issuer } from "./issuer";

const test = base.extend<{ issuer: Issuer; stack: AuthenticatedStack; page: Page }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of the fixtures from the pattern
  issuer: async ({}, use) => {
    const issuer = await new Issuer().start();
    await use(issuer);
    issuer.stop();
  },
  stack: async ({ issuer }, use) => {
    const stack = await new AuthenticatedStack(issuer).start();
    await use(stack);
    stack.stop();
  },
  page: async ({ page, stack }, use) => {
    await openPage(page, stack.pageUrl, use);
  },
});

const signInButton = (page: Page) => page.getByRole("button", { name: "Sign in" });

async function signIn(page: Page): Promise<void> {
  await signInButton(page).click();
  await page.getByRole("link", { name: "Enter" }).click();
  await expect(page.getByRole("button", { name: "Choose images" })).toBeVisible();
}

test("the page requires a sign-in, and axe finds no violations", async ({ page }) => {
  await expect(signInButton(page)).toBeVisible();
  await expect(page.locator("input")).toHaveCount(0);
  await expectAccessible(page);
  await takeScreenshot(page, "sign-in");
});

test("API calls carry the token of the user, and uploads do not", async ({ page, stack, issuer }) => {
  await signIn(page);
  expect(page.url()).toBe(stack.pageUrl);
  await expectAccessible(page);
  await choose(page, uniqueSample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  const [token] = issuer.tokens;
  expect(stack.authorizations.api.length).toBeGreaterThan(1);
  expect(new Set(stack.authorizations.api)).toEqual(new Set([token]));
  expect(stack.authorizations.s3).toEqual([undefined]);
});

test("a session survives a reload", async ({ page }) => {
  await signIn(page);
  await page.reload();
  await expect(page.getByRole("button", { name: "Choose images" })).toBeVisible();
});

test("a link to a result is opened after sign-in", async ({ page, stack }) => {
  await page.goto(`${stack.pageUrl}?request=${crypto.randomUUID()}`);
  await signIn(page);
  await expect(outcome(page.getByRole("article"))).toHaveText(/^Request not found/);
});

test("a cancelled sign-in shows an error and can be repeated", async ({ page }) => {
  await signInButton(page).click();
  await page.getByRole("link", { name: "Cancel" }).click();
  await expect(page.getByRole("alert")).toHaveText("Sign-in failed. Try again.");
  await expectAccessible(page);
  await signIn(page);
});

test("a redirect with the state of another sign-in is rejected", async ({ page, stack, issuer }) => {
  await page.goto(`${stack.pageUrl}?code=other&state=other`);
  await expect(page.getByRole("alert")).toBeVisible();
  expect(issuer.tokens.size).toBe(0);
});

test("images that are added after the session expires are scanned after the next sign-in", async ({ page, issuer }) => {
  await signIn(page);
  issuer.tokens.clear();
  await choose(page, uniqueSample("cat.jpg"));
  await expect(page.getByRole("alert")).toContainText("Your session has expired");
  await expect(card(page, "cat.jpg").getByText("You are signed out.")).toBeVisible();
  await expectAccessible(page);
  await takeScreenshot(page, "signed-out");
  await signIn(page);
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
});

test("sign-out removes all data of the user", async ({ page }) => {
  await signIn(page);
  await choose(page, uniqueSample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(signInButton(page)).toBeVisible();
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  await signIn(page);
  await expect(page.getByRole("article")).toHaveCount(0);
});
