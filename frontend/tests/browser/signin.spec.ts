import { test as base, type Page } from "@playwright/test";
import { GuardedService, Issuer } from "./issuer";
import { card, choose, expect, expectAccessible, outcome, shoot, unseen, watched } from "./page";

const test = base.extend<{ issuer: Issuer; service: GuardedService; page: Page }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads from the pattern which fixtures are wanted
  issuer: async ({}, use) => {
    const issuer = await new Issuer().start();
    await use(issuer);
    issuer.stop();
  },
  service: async ({ issuer }, use) => {
    const service = await new GuardedService(issuer).start();
    await use(service);
    service.stop();
  },
  page: async ({ page, service }, use) => {
    await watched(page, service.pageUrl, use);
  },
});

const signInButton = (page: Page) => page.getByRole("button", { name: "Sign in" });

async function signIn(page: Page): Promise<void> {
  await signInButton(page).click();
  await page.getByRole("link", { name: "Enter" }).click();
  await expect(page.getByRole("button", { name: "Choose pictures" })).toBeVisible();
}

test("nothing can be asked before somebody signed in, and axe finds nothing wrong with that", async ({ page }) => {
  await expect(signInButton(page)).toBeVisible();
  await expect(page.locator("input")).toHaveCount(0);
  await expectAccessible(page);
  await shoot(page, "sign-in");
});

test("who signed in is answered; each call of the service says who, and no upload does", async ({
  page,
  service,
  issuer,
}) => {
  await signIn(page);
  expect(page.url()).toBe(service.pageUrl);
  await expectAccessible(page);
  await choose(page, unseen("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  const [token] = issuer.tokens;
  expect(service.shown.api.length).toBeGreaterThan(1);
  expect(new Set(service.shown.api)).toEqual(new Set([token]));
  expect(service.shown.storage).toEqual([undefined]);
});

test("who signed in is still there after a reload", async ({ page }) => {
  await signIn(page);
  await page.reload();
  await expect(page.getByRole("button", { name: "Choose pictures" })).toBeVisible();
});

test("a link to an answer is followed once somebody signed in", async ({ page, service }) => {
  await page.goto(`${service.pageUrl}?request=${crypto.randomUUID()}`);
  await signIn(page);
  await expect(outcome(page.getByRole("article"))).toHaveText(/^No longer known/);
});

test("who turns back at the sign-in page is told so, and may try again", async ({ page }) => {
  await signInButton(page).click();
  await page.getByRole("link", { name: "Turn back" }).click();
  await expect(page.getByRole("alert")).toHaveText("You were not signed in. Try it again.");
  await expectAccessible(page);
  await signIn(page);
});

test("a sign-in that somebody else began is not taken", async ({ page, service, issuer }) => {
  await page.goto(`${service.pageUrl}?code=theirs&state=theirs`);
  await expect(page.getByRole("alert")).toBeVisible();
  expect(issuer.tokens.size).toBe(0);
});

test("pictures that meet the end of a sign-in are answered after the next", async ({ page, issuer }) => {
  await signIn(page);
  issuer.tokens.clear();
  await choose(page, unseen("cat.jpg"));
  await expect(page.getByRole("alert")).toContainText("Your sign-in has ended");
  await expect(card(page, "cat.jpg").getByText("You are signed out.")).toBeVisible();
  await expectAccessible(page);
  await shoot(page, "signed-out");
  await signIn(page);
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
});

test("signing out leaves nothing to the next person", async ({ page }) => {
  await signIn(page);
  await choose(page, unseen("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(signInButton(page)).toBeVisible();
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  await signIn(page);
  await expect(page.getByRole("article")).toHaveCount(0);
});
