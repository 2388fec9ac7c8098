import { test as base, type Page } from "@playwright/test";
import { card, choose, expect, expectAccessible, openPage, outcome, takeScreenshot, uniqueSample } from "./harness";
import { AuthenticatedStack, Issuer, subjectOf } from "./issuer";

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

async function signIn(page: Page, link = "Enter"): Promise<void> {
  await signInButton(page).click();
  await page.getByRole("link", { name: link }).click();
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
  await expect(page.getByRole("article")).toHaveCount(0);
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
  expect(await databases(page)).toEqual([]);
  await signIn(page);
  await expect(page.getByRole("article")).toHaveCount(0);
});

test("sign-out revokes the refresh token", async ({ page, issuer }) => {
  await signIn(page);
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(signInButton(page)).toBeVisible();
  expect(issuer.revoked).toEqual(issuer.refreshTokens);
});

test("a failed revocation is shown and can be repeated", async ({ page, issuer }) => {
  await signIn(page);
  await choose(page, uniqueSample("cat.jpg"));
  await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
  issuer.revocationStatus = 503;
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("alert")).toContainText("The session could not be revoked");
  await expect(page.getByRole("article")).toHaveCount(0);
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  await expectAccessible(page);
  await takeScreenshot(page, "sign-out-failed");
  issuer.revocationStatus = 200;
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(signInButton(page)).toBeVisible();
  expect(issuer.revoked).toEqual(issuer.refreshTokens);
});

test("sign-out ends the sessions of the same user in other tabs", async ({ page, stack, issuer }) => {
  await signIn(page);
  const [same, other] = [await page.context().newPage(), await page.context().newPage()];
  for (const [tab, link] of [[same, "Enter"] as const, [other, "Continue as Bob"] as const]) {
    await tab.goto(stack.pageUrl);
    await signIn(tab, link);
    await choose(tab, uniqueSample("cat.jpg"));
    await expect(outcome(card(tab, "cat.jpg"))).toHaveText(/^Yes/);
  }
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(same.getByRole("alert")).toHaveText("You signed out in another tab.");
  await expect(same.getByRole("article")).toHaveCount(0);
  await expect(card(other, "cat.jpg")).toBeVisible();
  await expect.poll(() => issuer.revoked.toSorted()).toEqual(issuer.refreshTokens.slice(0, 2).toSorted());
  await signIn(same);
  await expect(same.getByRole("article")).toHaveCount(0);
});

test.describe("another user of the browser", () => {
  /** Ann adds an image, and her session expires while it is sent. */
  async function expireDuringSubmission(page: Page, issuer: Issuer): Promise<void> {
    await signIn(page);
    await page.route(/\/scanrequests?$/, () => {}, { times: 1 });
    const submission = page.waitForRequest(/\/scanrequest$/);
    await choose(page, uniqueSample("cat.jpg"));
    await submission;
    issuer.tokens.clear();
    await choose(page, uniqueSample("coffee.jpg"));
    await expect(page.getByRole("alert")).toContainText("Your session has expired");
  }

  test("neither sees nor submits the images of an expired session", async ({ page, stack, issuer }) => {
    await expireDuringSubmission(page, issuer);
    await expect(page.getByRole("article")).toHaveCount(0);
    await signIn(page, "Continue as Bob");
    await choose(page, uniqueSample("rocket.jpg"));
    await expect(outcome(card(page, "rocket.jpg"))).toHaveText(/^No cat/);
    await expect(page.getByRole("article")).toHaveCount(1);
    const submissions = stack.submissions.filter(({ user }) => user === "bob");
    expect(submissions).toHaveLength(1);

    issuer.tokens.clear();
    await choose(page, uniqueSample("astronaut.jpg"));
    await expect(page.getByRole("alert")).toContainText("Your session has expired");
    await signIn(page);
    await expect(page.getByRole("heading", { name: "2 done" })).toBeVisible();
    await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
    await expect(card(page, "rocket.jpg")).toHaveCount(0);
    await expect(card(page, "astronaut.jpg")).toHaveCount(0);
    const keys = (who: string) => stack.submissions.filter(({ user }) => user === who).map(({ key }) => key);
    expect(keys("ann").filter((key) => keys("bob").includes(key))).toEqual([]);
  });

  test("does not see earlier images after going back", async ({ page, issuer }) => {
    await expireDuringSubmission(page, issuer);
    await signIn(page, "Continue as Bob");
    await page.goBack();
    await expect(page.getByRole("link", { name: "Enter" })).toBeVisible();
    await page.goBack();
    await expect(page.getByRole("button", { name: "Choose images" })).toBeVisible();
    await page.waitForTimeout(1_000);
    await expect(page.getByRole("article")).toHaveCount(0);
    expect([...issuer.tokens].map(subjectOf)).toEqual(["bob"]);
  });

  test("works in a second tab at the same time", async ({ page, stack }) => {
    await signIn(page);
    const bobsTab = await page.context().newPage();
    await bobsTab.goto(stack.pageUrl);
    await signIn(bobsTab, "Continue as Bob");
    await choose(page, uniqueSample("cat.jpg"));
    await choose(bobsTab, uniqueSample("coffee.jpg"));
    for (const [tab, own, foreign] of [
      [page, "cat.jpg", "coffee.jpg"] as const,
      [bobsTab, "coffee.jpg", "cat.jpg"] as const,
    ]) {
      await expect(tab.getByRole("heading", { name: "1 done" })).toBeVisible();
      await tab.reload();
      await expect(card(tab, own)).toBeVisible();
      await expect(card(tab, foreign)).toHaveCount(0);
    }
    expect(new Set(stack.submissions.map(({ user }) => user))).toEqual(new Set(["ann", "bob"]));
    expect(await databases(page)).toHaveLength(2);
  });

  test("can clear the saved images without seeing them", async ({ page, issuer }) => {
    await expireDuringSubmission(page, issuer);
    await expectAccessible(page);
    await page.getByRole("button", { name: "Clear saved images" }).click();
    await expect(page.getByRole("status")).toHaveText("The saved images are cleared.");
    expect(await databases(page)).toEqual([]);
    await signIn(page);
    await expect(page.getByRole("article")).toHaveCount(0);
  });

  test("does not see the images that an earlier version saved for all users", async ({ page }) => {
    await page.evaluate(
      () =>
        new Promise<void>((resolve, reject) => {
          const opening = indexedDB.open("imagescan", 3);
          opening.onupgradeneeded = () => {
            const info = { id: "old", name: "old.jpg", question: null, hash: null, addedAt: 0, attempt: 0 };
            const scan = { ...info, state: "cancelled", requestId: null };
            opening.result.createObjectStore("files");
            opening.result.createObjectStore("scans").put({ scan, preview: null }, "old");
          };
          opening.onerror = () => reject(opening.error);
          opening.onsuccess = () => {
            opening.result.close();
            resolve();
          };
        }),
    );
    await signIn(page);
    await expect(page.getByRole("heading", { name: "No images yet" })).toBeVisible();
    await expect.poll(() => databases(page)).toEqual([expect.stringMatching(/^imagescan\.[0-9a-f]{64}$/)]);
  });
});

/** Return the names of the databases of the page. */
async function databases(page: Page): Promise<(string | undefined)[]> {
  return page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));
}
