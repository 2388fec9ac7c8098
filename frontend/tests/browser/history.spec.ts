import type { Page } from "@playwright/test";
import {
  card,
  choose,
  expect,
  expectAccessible,
  type ImageFile,
  outcome,
  PAGE_URL,
  recordSubmissions,
  takeScreenshot,
  test,
  uniqueSample,
} from "./harness";

const SUBMIT = /\/scanrequests?$/;

const samples = (count: number): ImageFile[] =>
  Array.from({ length: count }, (_, index) => uniqueSample("cat.jpg", `${index}.jpg`));

/** Open another tab of the same browser. */
async function openTab(page: Page): Promise<Page> {
  const tab = await page.context().newPage();
  await tab.goto(PAGE_URL);
  await expect(tab.getByRole("button", { name: "Choose images" })).toBeVisible();
  return tab;
}

test("100 images survive a reload right after they were added, in the same order", async ({ page }) => {
  await page.route(SUBMIT, () => {});
  const images = samples(100);
  await choose(page, ...images);
  await expect(page.locator(".tile")).toHaveCount(100);
  // Browsers wait for the confirmation of the user while images are being saved, which takes longer than this.
  await expect.poll(() => savedCount(page)).toBe(100);
  await page.reload();
  await expect(page.locator(".tile")).toHaveCount(100);
  expect(await page.locator(".tile small").allTextContents()).toEqual(images.map(({ name }) => name));
});

function savedCount(page: Page): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const opening = indexedDB.open("imagescan.anonymous");
        opening.onsuccess = () => {
          const reading = opening.result.transaction("files").objectStore("files").getAllKeys();
          reading.onsuccess = () => {
            opening.result.close();
            resolve(reading.result.filter((key) => !String(key).endsWith(".preview")).length);
          };
        };
      }),
  );
}

test("the browser asks before the user leaves the page with images that are not saved", async ({ page }) => {
  const asked: string[] = [];
  page.on("dialog", (dialog) => {
    asked.push(dialog.type());
    return dialog.accept();
  });
  await page.evaluate(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("", "QuotaExceededError");
    };
    IDBDatabase.prototype.transaction = () => {
      throw new DOMException("", "QuotaExceededError");
    };
  });
  await page.route(SUBMIT, () => {});
  await choose(page, uniqueSample("cat.jpg"));
  await expect(page.getByText("History is unavailable: The storage of this browser is full.")).toBeVisible();
  await expectAccessible(page);
  await page.reload();
  expect(asked).toEqual(["beforeunload"]);
  await page.reload();
  expect(asked).toEqual(["beforeunload"]);
});

test("a removal can be undone", async ({ page }) => {
  await choose(page, uniqueSample("cat.jpg"), uniqueSample("coffee.jpg"));
  await expect(page.getByRole("heading", { name: "2 done" })).toBeVisible();
  await page.getByRole("button", { name: "Remove all" }).click();
  await page.getByRole("button", { name: "Remove from this page" }).click();
  await expect(page.getByText("2 images removed.")).toBeVisible();
  await expectAccessible(page);
  await takeScreenshot(page, "undo");
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByRole("heading", { name: "2 done" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Undo" })).toHaveCount(0);
  await page.reload();
  await expect(page.getByRole("heading", { name: "2 done" })).toBeVisible();
  await expect(card(page, "cat.jpg").getByRole("img")).toBeVisible();
});

test("images that are added in a second tab are sent once and shown in both", async ({ page }) => {
  const other = await openTab(page);
  const [first, second] = [recordSubmissions(page), recordSubmissions(other)];
  await choose(other, uniqueSample("cat.jpg"), uniqueSample("coffee.jpg"));
  for (const tab of [page, other]) {
    await expect(outcome(card(tab, "cat.jpg"))).toHaveText(/^Yes/);
    await expect(outcome(card(tab, "coffee.jpg"))).toHaveText(/^No cat/);
  }
  // Both images are submitted together.
  const sent = [...first, ...second].map((request) => request.postDataJSON().entries?.length ?? 1);
  expect(sent.reduce((sum, one) => sum + one, 0)).toBe(2);
});

test("images that one tab cancels or removes stay so in both", async ({ page }) => {
  await page.context().route(SUBMIT, () => {});
  const other = await openTab(page);
  await choose(page, uniqueSample("cat.jpg"), uniqueSample("coffee.jpg"));
  await expect(other.getByRole("article")).toHaveCount(2);
  await other.getByRole("button", { name: "Cancel: cat.jpg" }).click();
  await other.getByRole("button", { name: "Remove: coffee.jpg" }).click();
  for (const tab of [page, other]) {
    await expect(outcome(card(tab, "cat.jpg"))).toHaveText("Cancelled");
    await expect(tab.getByRole("article")).toHaveCount(1);
  }
  await page.context().unroute(SUBMIT);
  for (const tab of [page, other]) await tab.reload();
  for (const tab of [page, other]) await expect(tab.getByRole("heading", { name: "1 cancelled" })).toBeVisible();
});

test("when the tab that sends images is closed, the other one continues", async ({ page }) => {
  const other = await openTab(page);
  const third = await openTab(page);
  await page.close();
  await choose(third, uniqueSample("cat.jpg"));
  await other.close();
  await expect(outcome(card(third, "cat.jpg"))).toHaveText(/^Yes/);
});

test("a visible tab takes over from a hidden one", async ({ page }) => {
  await page.evaluate(() => {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  const other = await openTab(page);
  const [hidden, visible] = [recordSubmissions(page), recordSubmissions(other)];
  await expect.poll(() => other.evaluate(async () => (await navigator.locks.query()).pending?.length)).toBe(1);
  await choose(other, uniqueSample("cat.jpg"));
  await expect(outcome(card(other, "cat.jpg"))).toHaveText(/^Yes/);
  expect([hidden.length, visible.length]).toEqual([0, 1]);
  // The tab that is shown again does not take over from one that is visible as well.
  await page.evaluate(() => {
    Object.defineProperty(document, "hidden", { value: false, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await choose(page, uniqueSample("coffee.jpg"));
  await expect(outcome(card(page, "coffee.jpg"))).toHaveText(/^No cat/);
  expect([hidden.length, visible.length]).toEqual([0, 2]);
});

for (const [description, block] of [
  [
    "is blocked with cookies",
    () => {
      const denied = () => {
        throw new DOMException("The operation is insecure.", "SecurityError");
      };
      for (const name of ["indexedDB", "localStorage", "sessionStorage"])
        Object.defineProperty(globalThis, name, { get: denied });
      Object.defineProperty(navigator, "locks", { value: { request: async () => denied() } });
      Object.defineProperty(globalThis, "BroadcastChannel", {
        value: class {
          constructor() {
            denied();
          }
        },
      });
    },
  ],
  ["does not exist", () => Object.defineProperty(globalThis, "indexedDB", { value: undefined })],
  [
    "cannot be opened",
    () => {
      IDBFactory.prototype.open = () => {
        throw new DOMException("A mutation operation was attempted.", "InvalidStateError");
      };
    },
  ],
  [
    "stores no images, as in a private window of Safari",
    () => {
      const { put } = IDBObjectStore.prototype;
      IDBObjectStore.prototype.put = function (value, key) {
        if (value instanceof Blob) throw new DOMException("Error preparing Blob/File data.", "UnknownError");
        return put.call(this, value, key);
      };
    },
  ],
] as const)
  test(`the page works when IndexedDB ${description}`, async ({ page }) => {
    await page.addInitScript(block);
    await page.reload();
    await expect(page.getByText(/^History is unavailable: .* The page works, but images are lost/)).toBeVisible();
    await expectAccessible(page);
    await choose(page, uniqueSample("cat.jpg"));
    await expect(outcome(card(page, "cat.jpg"))).toHaveText(/^Yes/);
    await page.getByRole("button", { name: "Remove: cat.jpg" }).click();
    await page.getByRole("button", { name: "Remove from this page" }).click();
    await expect(page.getByRole("article")).toHaveCount(0);
  });
