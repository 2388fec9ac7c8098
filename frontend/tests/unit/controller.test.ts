import { beforeEach, describe, expect, it, vi } from "vitest";
import type { ApiClient, Reply, Submission } from "../../src/api/client";
import type { ScanRequest, Verdict } from "../../src/api/types";
import { type ErrorKind, errorInfo, ScanError } from "../../src/core/errors";
import { DEFAULT_QUESTION as CAT, FEATURES, type Question } from "../../src/core/question";
import { type Dependencies, ScanController } from "../../src/scan/controller";
import { formatOutcome } from "../../src/scan/format";
import type { Changes, Entry, History } from "../../src/scan/history";
import { isOutdated, isUnfinished, requestIdOf } from "../../src/scan/machine";
import { HISTORY_LIMIT } from "../../src/scan/store";
import type { Sender, TabMessage, Tabs } from "../../src/scan/tabs";
import {
  completed,
  failed,
  findings,
  foundModeration,
  matched,
  missedTerm,
  moderationLabel,
  pending,
  textLine,
} from "./examples";

const reply = (request = pending(), retryAfterMs: number | null = null): Reply => ({ request, retryAfterMs });
const errorOf = (kind: ErrorKind, retryAfterMs: number | null = null) =>
  new ScanError(errorInfo(kind, `It is ${kind}.`), retryAfterMs);

/** Create an API method that returns or throws these results in turn, repeats the last one, and records its calls. */
function respondWith<A extends unknown[], R = Reply>(...results: (NoInfer<R> | ScanError)[]) {
  const calls: A[] = [];
  const call = async (...args: A) => {
    calls.push(args);
    const result = results[Math.min(calls.length, results.length) - 1];
    if (!result || result instanceof ScanError) throw result;
    return result;
  };
  return Object.assign(call, { calls });
}

class MemoryHistory implements History {
  readonly saved = new Map<string, Entry>();
  readonly transactions: Changes[] = [];
  load = async () => [...this.saved.values()];
  get = async (ids: readonly string[]) => ids.flatMap((id) => this.saved.get(id) ?? []);
  save = async (changes: Changes) => {
    this.transactions.push(changes);
    const isCurrent = ({ scan }: Entry) => {
      const saved = this.saved.get(scan.id);
      return saved && !isOutdated(scan, saved.scan);
    };
    for (const entry of [...changes.added, ...changes.updated.filter(isCurrent)]) this.saved.set(entry.scan.id, entry);
    for (const id of changes.removed) this.saved.delete(id);
  };
}

/** A tab without others. */
const singleTab = (): Tabs => ({ join: (sender) => sender.start(), publish: () => {}, leave: () => {} });

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

let history: MemoryHistory;
let delays: number[];
let ids: number;

beforeEach(() => {
  history = new MemoryHistory();
  delays = [];
  ids = 0;
});

type Fakes = Partial<Omit<Dependencies, "api"> & ApiClient>;

/** Create a controller whose API completes every request without an upload. Any part can be replaced. */
function createController({
  submitHash,
  upload,
  submitBytes,
  getRequest,
  getDebugData,
  askFollowUp,
  deleteRequest,
  ...deps
}: Fakes = {}) {
  return new ScanController({
    prepareImage: async (file) => ({
      file: new Blob([file], { type: "image/jpeg" }),
      note: null,
      hash: `hash of ${await file.text()}`,
      preview: new Blob(["small"]),
    }),
    api: {
      submitHash: submitHash ?? respondWith(reply()),
      upload: upload ?? (async () => {}),
      submitBytes: submitBytes ?? respondWith(reply()),
      getRequest: getRequest ?? respondWith(reply(completed())),
      getDebugData: getDebugData ?? (async () => ({})),
      askFollowUp: askFollowUp ?? (async () => completed()),
      deleteRequest: deleteRequest ?? (async () => {}),
    },
    history,
    tabs: singleTab(),
    delay: async (milliseconds) => void delays.push(milliseconds),
    whenOnline: async () => {},
    whenVisible: async () => {},
    random: () => 0,
    now: () => 0,
    newId: () => String(++ids),
    ...deps,
  });
}

const image = (name = "cat.jpg", content = name) => ({ name, file: new Blob([content]) });
const states = ({ store }: ScanController) => store.entries.value.map(({ scan }) => scan.state);
const until = (controller: ScanController, ...expected: string[]) =>
  vi.waitFor(() => expect(states(controller)).toEqual(expected), { interval: 1 });
const untilSaved = (count: number) => vi.waitFor(() => expect(history.saved.size).toBe(count), { interval: 1 });
const first = ({ store }: ScanController) => store.entries.value[0] as Entry;
const focused = ({ store }: ScanController) => store.focusedEntry.value?.id;
const announced = ({ announcer }: ScanController) => announcer.announcements.value.map(({ text }) => text);

describe("an image", () => {
  it("is submitted, polled and completed", async () => {
    const submitHash = respondWith(reply(pending(), 2_000));
    const getRequest = respondWith(reply(pending(), 1_000), reply(completed()));
    const controller = createController({ submitHash, getRequest });
    controller.addFiles([image()], CAT);
    await until(controller, "completed");
    expect(delays).toEqual([1_150]);
    expect([submitHash.calls.length, getRequest.calls.length]).toEqual([1, 2]);
    expect(announced(controller)).toEqual(["cat.jpg added", "cat.jpg: Yes: a cat (97.3%)"]);
  });

  it("that the API knows is completed without a poll", async () => {
    const getRequest = respondWith();
    const controller = createController({ submitHash: respondWith(reply(completed())), getRequest });
    controller.addFiles([image()], CAT);
    await until(controller, "completed");
    expect(getRequest.calls).toHaveLength(0);
  });

  it("is submitted with the type detected from its bytes", async () => {
    const submitHash = respondWith<[Submission, AbortSignal]>(reply());
    const controller = createController({ submitHash });
    controller.addFiles([{ name: "cat.txt", file: new Blob(["x"], { type: "text/plain" }) }], CAT);
    await until(controller, "completed");
    expect(submitHash.calls[0]?.[0].file.type).toBe("image/jpeg");
  });

  it("is prepared as the user chose when it was added", async () => {
    const chosen: boolean[] = [];
    const prepareImage = async (_: Blob, removesMetadata: boolean) => {
      chosen.push(removesMetadata);
      return Promise.reject(errorOf("rejected"));
    };
    const controller = createController({ prepareImage });
    controller.addFiles([image()], CAT, true);
    controller.addFiles([image()], CAT);
    await until(controller, "failed", "failed");
    expect(chosen).toEqual([true, false]);
  });

  it("is prepared as the user chose after a reload", async () => {
    createController({ prepareImage: () => new Promise(() => {}) }).addFiles([image()], CAT, true);
    await untilSaved(1);
    const prepareImage = vi.fn(() => Promise.reject(errorOf("rejected")));
    const reloaded = createController({ prepareImage });
    await reloaded.restore();
    await until(reloaded, "failed");
    expect(prepareImage.mock.calls).toEqual([[expect.any(Blob), true]]);
  });

  it("that is invalid is neither submitted nor retried", async () => {
    const submitHash = respondWith(reply());
    const controller = createController({ submitHash, prepareImage: () => Promise.reject(errorOf("rejected")) });
    controller.addFiles([image()], CAT);
    await until(controller, "failed");
    controller.retryAll();
    expect(states(controller)).toEqual(["failed"]);
    expect(submitHash.calls).toHaveLength(0);
  });

  it("is submitted once for the same question", async () => {
    const submitHash = respondWith(reply());
    const controller = createController({ submitHash });
    controller.addFiles([image("cat.jpg", "same"), image("copy.jpg", "same")], CAT);
    await until(controller, "completed");
    expect(submitHash.calls).toHaveLength(1);
    expect(focused(controller)).toBe(first(controller).scan.id);
    expect(announced(controller)).toContain("copy.jpg was already added");
  });

  it("is submitted again for another question", async () => {
    const controller = createController();
    controller.addFiles([image()], CAT);
    controller.addFiles([image()], { ...CAT, labels: ["dog"] });
    await until(controller, "completed", "completed");
  });

  it("without a hash is submitted each time", async () => {
    const controller = createController({
      prepareImage: async () => ({ file: new Blob(), note: null, hash: null, preview: new Blob() }),
    });
    controller.addFiles([image(), image()], CAT);
    await until(controller, "completed", "completed");
  });
});

describe("a failure", () => {
  it.each([
    [failed("timed_out"), "Timed out: It failed."],
    [failed("image_invalid"), "Scan failed: It failed."],
    [failed("attempts_exhausted"), "Scan failed: It failed."],
  ])("is never a result: %#", async (request, text) => {
    const controller = createController({ getRequest: respondWith(reply(request)) });
    controller.addFiles([image()], CAT);
    await until(controller, "failed");
    expect(formatOutcome(first(controller).scan)).toBe(text);
  });

  it("of the page itself is shown", async () => {
    const controller = createController({ prepareImage: () => Promise.reject(new TypeError("no canvas")) });
    controller.addFiles([image()], CAT);
    await until(controller, "failed");
    expect(formatOutcome(first(controller).scan)).toContain("TypeError: no canvas");
  });

  it.each(["rate_limited", "unavailable", "signed_out"] as const)(
    "to submit (%s) is retried with growing delays while the page is open, and not before Retry-After",
    async (kind) => {
      const submitHash = respondWith(errorOf(kind, 3_000), ...Array(30).fill(errorOf(kind)), reply(completed()));
      const controller = createController({ submitHash });
      controller.addFiles([image()], CAT);
      await until(controller, "completed");
      expect(submitHash.calls).toHaveLength(32);
      expect(delays.slice(0, 8)).toEqual([3_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    },
  );

  it("to submit shows when it is retried", async () => {
    const controller = createController({
      submitHash: respondWith(errorOf("unavailable")),
      delay: (_, signal) => untilAborted(signal),
      now: () => 5_000,
    });
    controller.addFiles([image()], CAT);
    await vi.waitFor(() =>
      expect(first(controller).scan).toMatchObject({ transientError: { kind: "unavailable", retryAt: 6_000 } }),
    );
  });

  it("of an upload that S3 rejects four times ends the scan", async () => {
    const target = { url: "https://bucket", headers: {}, expires_at: "2999-01-01T00:00:00Z" };
    const upload = vi.fn<ApiClient["upload"]>(() => Promise.reject(errorOf("upload_failed")));
    const controller = createController({ upload, submitHash: respondWith(reply(pending({ upload: target }))) });
    controller.addFiles([image()], CAT);
    await until(controller, "failed");
    expect(upload).toHaveBeenCalledTimes(4);
    expect(formatOutcome(first(controller).scan)).toBe("Upload failed: It is upload_failed.");
  });

  it("that is transient leads to a result", async () => {
    const controller = createController({
      submitHash: respondWith(errorOf("unavailable"), errorOf("rate_limited"), reply()),
    });
    controller.addFiles([image()], CAT);
    await until(controller, "completed");
  });

  it("while the page is offline does not make the delays grow", async () => {
    const submitHash = respondWith(...Array(10).fill(errorOf("offline")), reply(completed()));
    const controller = createController({ submitHash });
    controller.addFiles([image()], CAT);
    await until(controller, "completed");
    expect(delays).toEqual(Array(10).fill(1_000));
  });

  it("to poll does not end a scan unless the request no longer exists", async () => {
    const getRequest = respondWith(...Array(20).fill(errorOf("unavailable")), errorOf("not_found"));
    const controller = createController({ getRequest });
    controller.addFiles([image()], CAT);
    await until(controller, "failed");
    expect(formatOutcome(first(controller).scan)).toBe("Request not found: It is not_found.");
    expect(requestIdOf(first(controller).scan)).toBe("r");
    expect(getRequest.calls).toHaveLength(21);
  });

  it.each(["timed_out", "attempts_exhausted"])("with code %s can be retried by the user", async (code) => {
    const controller = createController({ getRequest: respondWith(reply(failed(code)), reply(completed())) });
    controller.addFiles([image()], CAT);
    await until(controller, "failed");
    controller.retry(first(controller).scan.id);
    await until(controller, "completed");
  });
});

describe("the idempotency key", () => {
  const keys = (submitHash: { calls: [Submission, AbortSignal][] }) => submitHash.calls.map(([{ key }]) => key);

  it("stays the same for automatic retries and changes after a failure", async () => {
    const submitHash = respondWith<[Submission, AbortSignal]>(errorOf("unavailable"), errorOf("unavailable"), reply());
    const getRequest = respondWith(reply(failed("attempts_exhausted")), reply(completed()));
    const controller = createController({ submitHash, getRequest });
    controller.addFiles([image()], CAT);
    await until(controller, "failed");
    controller.retryAll();
    await until(controller, "completed");
    const [firstKey, secondKey, thirdKey, fourthKey] = keys(submitHash);
    expect([secondKey, thirdKey]).toEqual([firstKey, firstKey]);
    expect(fourthKey).not.toBe(firstKey);
  });

  it("stays the same after a reload", async () => {
    let isSubmitted = false;
    const submitHash = respondWith<[Submission, AbortSignal]>(reply());
    const stuckSubmit = async (submission: Submission, signal: AbortSignal) => {
      isSubmitted = true;
      await submitHash(submission, signal);
      return untilAborted(signal);
    };
    createController({ submitHash: stuckSubmit }).addFiles([image()], CAT);
    await vi.waitFor(() => expect(isSubmitted).toBe(true));
    const controller = createController({ submitHash });
    await controller.restore();
    await until(controller, "completed");
    expect(new Set(keys(submitHash)).size).toBe(1);
    expect(submitHash.calls).toHaveLength(2);
  });

  it("differs between questions", async () => {
    const submitHash = respondWith<[Submission, AbortSignal]>(reply());
    const controller = createController({ submitHash });
    controller.addFiles([image()], CAT);
    controller.addFiles([image()], { ...CAT, matchMode: "none" });
    await until(controller, "completed", "completed");
    expect(new Set(keys(submitHash)).size).toBe(2);
  });
});

describe("a follow-up question", () => {
  it("is added to the scan and saved", async () => {
    const verdict = completed([matched("dog", "Dog")]);
    const askFollowUp = respondWith<[string, Question, AbortSignal], Verdict>(verdict);
    const controller = createController({ askFollowUp });
    controller.addFiles([image()], CAT);
    await until(controller, "completed");
    await controller.askFollowUp(first(controller).scan.id, { ...CAT, labels: ["dog"] });
    expect(askFollowUp.calls).toEqual([["r", { ...CAT, labels: ["dog"] }, expect.any(AbortSignal)]]);
    expect(first(controller).scan).toMatchObject({ state: "completed", followUps: [verdict] });
    expect(announced(controller).at(-1)).toBe("cat.jpg: Yes: a dog (97.3%)");
    expect(history.saved.get(first(controller).scan.id)?.scan).toMatchObject({ followUps: [verdict] });
  });

  it("that fails does not change the scan", async () => {
    const controller = createController({ askFollowUp: () => Promise.reject(errorOf("not_found")) });
    controller.addFiles([image()], CAT);
    await until(controller, "completed");
    const before = first(controller);
    await expect(controller.askFollowUp(before.scan.id, CAT)).rejects.toThrow("It is not_found.");
    expect(first(controller)).toBe(before);
  });

  it("is asked about all completed scans that have not answered it last", async () => {
    const dog = { ...CAT, labels: ["dog"] };
    const askFollowUp = vi.fn<ApiClient["askFollowUp"]>(async (requestId) => {
      if (requestId === "r of b") throw errorOf("unavailable");
      return completed([matched("dog", "Dog")]);
    });
    const submitHash: ApiClient["submitHash"] = async ({ hash }) =>
      reply(completed(undefined, { request_id: hash.replace("hash of", "r of") }));
    const controller = createController({ askFollowUp, submitHash });
    controller.addFiles([image("a"), image("b"), image("c")], CAT);
    await until(controller, "completed", "completed", "completed");
    const ids = controller.store.entries.value.map(({ scan }) => scan.id);
    await controller.askAll(ids, CAT);
    expect(askFollowUp).not.toHaveBeenCalled();
    await controller.askAll(ids, dog);
    expect(controller.store.askResult.value).toEqual({ asked: 3, failed: 1, notScanned: 0 });
    expect(announced(controller).at(-1)).toBe("Asked about 3 images. 1 could not be asked. Ask again.");
    await controller.askAll(ids, dog);
    expect(askFollowUp.mock.calls.map(([id]) => id)).toEqual(["r of a", "r of b", "r of c", "r of b"]);
  });

  it("is asked only about images that were scanned for its features", async () => {
    const question: Question = { ...CAT, features: FEATURES, labels: [], moderation: [], text: ["sale"] };
    const askFollowUp = respondWith<[string, Question, AbortSignal], Verdict>(completed([missedTerm("text", "sale")]));
    const submitHash: ApiClient["submitHash"] = async ({ hash }) =>
      reply(completed(undefined, { request_id: hash, ...(hash.endsWith("sign.jpg") ? findings([], []) : {}) }));
    const controller = createController({ askFollowUp, submitHash });
    controller.addFiles([image("cat.jpg"), image("sign.jpg")], CAT);
    await until(controller, "completed", "completed");
    const ids = controller.store.entries.value.map(({ scan }) => scan.id);
    await controller.askAll(ids, question);
    expect(askFollowUp.calls.map(([id, asked]) => [id, asked])).toEqual([
      ["hash of sign.jpg", { ...question, features: ["text"] }],
    ]);
    expect(announced(controller).at(-1)).toBe("Asked about 1 image. 1 image was not scanned for this question.");
    await controller.askAll(ids, question);
    expect(askFollowUp.calls).toHaveLength(1);
    expect(announced(controller).at(-1)).toBe("1 image was not scanned for this question.");
  });

  it("is not sent for an unfinished scan", async () => {
    const askFollowUp = respondWith<[string, Question, AbortSignal], Verdict>(completed());
    const controller = createController({ submitHash: (_submission, signal) => untilAborted(signal), askFollowUp });
    controller.addFiles([image()], CAT);
    await until(controller, "uploading");
    await controller.askFollowUp(first(controller).scan.id, CAT);
    expect(askFollowUp.calls).toHaveLength(0);
  });
});

describe("a scan for another feature", () => {
  const SALE: Question = { ...CAT, features: ["text"], labels: [], text: ["sale"] };
  const known = completed(undefined, { image_hash: "hash of cat.jpg" });
  const target = { url: "https://bucket", headers: {}, expires_at: "2999-01-01T00:00:00Z" };

  async function scanCat(fakes: Fakes = {}) {
    const controller = createController({ submitHash: respondWith(reply(known)), ...fakes });
    controller.addFiles([image()], CAT);
    await until(controller, "completed");
    return controller;
  }

  it("submits the image by its hash, without an upload, as a new scan", async () => {
    const submitHash = respondWith<[Submission, AbortSignal]>(reply(known), reply(pending({ request_id: "r2" })));
    const upload = vi.fn<ApiClient["upload"]>();
    const controller = await scanCat({ submitHash, upload });
    const id = controller.scanAgain(first(controller).scan.id, SALE);
    await until(controller, "completed", "completed");
    expect(upload).not.toHaveBeenCalled();
    expect(first(controller).scan).toMatchObject({ id, name: "cat.jpg", question: SALE });
    expect(first(controller).preview).not.toBeNull();
    expect(focused(controller)).toBe(id);
    expect(submitHash.calls[1]?.[0]).toEqual({
      file: expect.objectContaining({ type: "image/jpeg", size: "cat.jpg".length }),
      hash: "hash of cat.jpg",
      question: SALE,
      key: `${id}.0`,
    });
  });

  it("continues after a reload", async () => {
    let isStuck = true;
    const submitHash: ApiClient["submitHash"] = async ({ question }, signal) =>
      question === CAT ? reply(known) : isStuck ? untilAborted(signal) : reply(pending({ request_id: "r2" }));
    const controller = await scanCat({ submitHash });
    controller.scanAgain(first(controller).scan.id, SALE);
    await until(controller, "uploading", "completed");
    await vi.waitFor(() => expect([...history.saved.values()].map(({ file }) => file)).toEqual([null, null]));
    controller.suspend();
    isStuck = false;
    const reloaded = createController({ submitHash });
    await reloaded.restore();
    await until(reloaded, "completed", "completed");
  });

  it("can be cancelled and retried", async () => {
    let isStuck = true;
    const submitHash: ApiClient["submitHash"] = async ({ question }, signal) =>
      question === CAT ? reply(known) : isStuck ? untilAborted(signal) : reply(pending({ request_id: "r2" }));
    const controller = await scanCat({ submitHash });
    const id = controller.scanAgain(first(controller).scan.id, SALE);
    await until(controller, "uploading", "completed");
    controller.cancel(id);
    isStuck = false;
    controller.retry(id);
    await until(controller, "completed", "completed");
  });

  it("uploads the image if the service no longer stores it and the page has it", async () => {
    const upload = vi.fn<ApiClient["upload"]>(async () => {});
    const submitHash = respondWith(reply(known), reply(pending({ request_id: "r2", upload: target })));
    const controller = await scanCat({ submitHash, upload });
    controller.scanAgain(first(controller).scan.id, SALE);
    await until(controller, "completed", "completed");
    expect(await upload.mock.calls[0]?.[1].text()).toBe("cat.jpg");
  });

  it("fails if the service no longer stores the image, and the page neither", async () => {
    await scanCat();
    await vi.waitFor(() => expect([...history.saved.values()][0]?.scan.state).toBe("completed"));
    const upload = vi.fn<ApiClient["upload"]>();
    const submitHash = respondWith(reply(pending({ request_id: "r2", upload: target })));
    const controller = createController({ submitHash, upload });
    await controller.restore();
    controller.scanAgain(first(controller).scan.id, SALE);
    await until(controller, "failed", "completed");
    expect(upload).not.toHaveBeenCalled();
    expect(formatOutcome(first(controller).scan)).toBe(
      "Not accepted: The service no longer stores this image. Add it again.",
    );
  });

  it("that was made before is shown instead of a copy", async () => {
    const controller = await scanCat();
    const id = controller.scanAgain(first(controller).scan.id, SALE);
    await until(controller, "completed", "completed");
    controller.scanAgain(first(controller).scan.id, SALE);
    await vi.waitFor(() => expect(announced(controller).at(-1)).toBe("cat.jpg was already added"));
    expect(states(controller)).toEqual(["completed", "completed"]);
    expect(focused(controller)).toBe(id);
  });

  it("is not possible for an image that the page did not send", async () => {
    const controller = createController();
    controller.openRequest("r");
    await until(controller, "completed");
    expect(() => controller.scanAgain(first(controller).scan.id, SALE)).toThrow("Add it again");
    expect(states(controller)).toEqual(["completed"]);
  });
});

describe("an image with moderation labels", () => {
  const request = (confidence: number) =>
    completed([missedTerm("moderation", "*")], {
      ...findings([moderationLabel("Alcohol", confidence)], [textLine("SALE")]),
      image_hash: "hash of cat.jpg",
    });
  const blurred = ({ store }: ScanController) => store.entries.value.map(({ scan }) => store.isBlurred(scan));

  async function scan(confidence: number, fakes: Fakes = {}) {
    const controller = createController({ submitHash: respondWith(reply(request(confidence))), ...fakes });
    controller.addFiles([image()], CAT);
    await until(controller, "completed");
    return controller;
  }

  it.each([
    [89.9, false],
    [90, true],
  ])("with a confidence of %d, of which 90 are required, is blurred: %s", async (confidence, isBlurred) => {
    const controller = await scan(confidence);
    expect(blurred(controller)).toEqual([isBlurred]);
    expect(/The image is blurred$/.test(announced(controller).at(-1) ?? "")).toBe(isBlurred);
  });

  it("is blurred if a follow-up question requires a lower confidence", async () => {
    const verdict = completed([foundModeration("*", "Alcohol", "any")], { min_confidence: 50 });
    const controller = await scan(60, { askFollowUp: async () => verdict });
    expect(blurred(controller)).toEqual([false]);
    await controller.askFollowUp(first(controller).scan.id, { ...CAT, moderation: ["*"], minConfidence: 50 });
    expect(blurred(controller)).toEqual([true]);
  });

  it("is blurred in every scan of it, until the user shows it", async () => {
    const submitHash = respondWith(reply(completed(undefined, { image_hash: "hash of cat.jpg" })), reply(request(95)));
    const controller = createController({ submitHash });
    controller.addFiles([image()], CAT);
    await until(controller, "completed");
    expect(blurred(controller)).toEqual([false]);
    controller.addFiles([image()], { ...CAT, features: ["moderation"], labels: [], moderation: ["*"] });
    await until(controller, "completed", "completed");
    expect(blurred(controller)).toEqual([true, true]);
    controller.reveal(first(controller).scan.id);
    expect(blurred(controller)).toEqual([false, false]);
    expect(announced(controller).at(-1)).toBe("cat.jpg is shown");
  });

  it("is blurred again after a reload", async () => {
    const controller = await scan(95);
    controller.reveal(first(controller).scan.id);
    await vi.waitFor(() => expect([...history.saved.values()][0]?.scan.state).toBe("completed"));
    const reloaded = createController();
    await reloaded.restore();
    expect(blurred(reloaded)).toEqual([true]);
  });
});

describe("many images", () => {
  it("are uploaded three at a time", async () => {
    let active = 0;
    let maxActive = 0;
    const upload: ApiClient["upload"] = async () => {
      maxActive = Math.max(maxActive, ++active);
      await new Promise((resolve) => setTimeout(resolve, 1));
      active--;
    };
    const target = { url: "https://bucket", headers: {}, expires_at: "2999-01-01T00:00:00Z" };
    const controller = createController({ upload, submitHash: respondWith(reply(pending({ upload: target }))) });
    controller.addFiles(
      Array.from({ length: 12 }, (_, index) => image(`${index}.jpg`)),
      CAT,
    );
    await until(controller, ...Array(12).fill("completed"));
    expect(maxActive).toBe(3);
  });

  it("can be cancelled and retried together", async () => {
    let isStuck = true;
    const submitHash: ApiClient["submitHash"] = (_submission, signal) =>
      isStuck ? untilAborted(signal) : Promise.resolve(reply());
    const controller = createController({ submitHash });
    controller.addFiles(
      [1, 2, 3, 4, 5].map((one) => image(`${one}.jpg`)),
      CAT,
    );
    await until(controller, ...Array(5).fill("uploading"));
    controller.cancelAll();
    expect(states(controller)).toEqual(Array(5).fill("cancelled"));
    isStuck = false;
    controller.retryAll();
    await until(controller, ...Array(5).fill("completed"));
  });
});

describe("debug data", () => {
  it("is loaded for the request of a scan", async () => {
    const getDebugData = respondWith<[string, AbortSignal], object>({ image: { attempts: 1 } });
    const controller = createController({ getDebugData });
    controller.openRequest("r");
    await until(controller, "completed");
    expect(await controller.getDebugData(first(controller).scan.id)).toEqual({ image: { attempts: 1 } });
    expect(getDebugData.calls[0]?.[0]).toBe(completed().request_id);
  });

  it("of an image that was not submitted does not exist", async () => {
    const controller = createController({ prepareImage: () => new Promise(() => {}) });
    controller.addFiles([image()], CAT);
    await expect(controller.getDebugData(first(controller).scan.id)).rejects.toThrow("has no request yet");
  });
});

describe("a held response", () => {
  const held = (request: ScanRequest) => ({ ...reply(request), wasHeld: true });
  const preferences = ({ calls }: { calls: [string, AbortSignal, number?][] }) => calls.map(([, , seconds]) => seconds);
  type Poll = [string, AbortSignal, number?];

  it("is requested for a single image, without a delay, until the request has finished", async () => {
    const getRequest = respondWith<Poll>(held(pending()), held(pending()), held(completed()));
    const controller = createController({ getRequest });
    controller.addFiles([image()], CAT);
    await until(controller, "completed");
    expect([preferences(getRequest), delays]).toEqual([[20, 20, 20], []]);
  });

  it("is requested at most three times, so that a long scan is polled with growing delays", async () => {
    const replies = Array.from({ length: 5 }, () => held(pending()));
    const getRequest = respondWith<Poll>(...replies, held(completed()));
    const controller = createController({ getRequest });
    controller.addFiles([image()], CAT);
    await until(controller, "completed");
    expect(preferences(getRequest)).toEqual([20, 20, 20, undefined, undefined, undefined]);
    expect(delays).toHaveLength(3);
  });

  it("is requested once from a service that does not support it", async () => {
    const getRequest = respondWith<Poll>(reply(pending()), reply(completed()));
    const controller = createController({ getRequest });
    controller.addFiles([image("one.jpg")], CAT);
    await until(controller, "completed");
    controller.addFiles([image("two.jpg")], CAT);
    await until(controller, "completed", "completed");
    expect([preferences(getRequest), delays.length]).toEqual([[20, undefined, undefined], 2]);
  });

  it("is not requested for several images", async () => {
    const getRequest = respondWith<Poll>(reply(completed()));
    const controller = createController({ getRequest });
    controller.addFiles([image("one.jpg"), image("two.jpg")], CAT);
    await until(controller, "completed", "completed");
    expect(preferences(getRequest)[0]).toBeUndefined();
  });

  it("is not requested for a deferred image", async () => {
    const getRequest = respondWith<Poll>(reply(completed()));
    const controller = createController({ submitHash: respondWith(reply(pending(), 300_000)), getRequest });
    controller.addFiles([image()], CAT);
    await until(controller, "completed");
    expect([preferences(getRequest), delays]).toEqual([[undefined], [300_000]]);
  });

  it("is requested after a delay when the service did not respond", async () => {
    const getRequest = respondWith<Poll>(errorOf("unavailable"), held(pending()), held(completed()));
    const controller = createController({ getRequest });
    controller.addFiles([image()], CAT);
    await until(controller, "completed");
    expect([preferences(getRequest), delays.length]).toEqual([[20, undefined, 20], 1]);
  });
});

describe("a cancelled scan", () => {
  it("does not complete later", async () => {
    let polls = 0;
    let finish = (_: Reply) => {};
    const getRequest: ApiClient["getRequest"] = () =>
      new Promise((resolve) => {
        polls++;
        finish = resolve;
      });
    const controller = createController({ getRequest });
    controller.addFiles([image()], CAT);
    await until(controller, "scanning");
    await vi.waitFor(() => expect(polls).toBe(1));
    controller.cancel(first(controller).scan.id);
    finish(reply(completed()));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(states(controller)).toEqual(["cancelled"]);
  });

  it("that was already submitted is resumed without another submission", async () => {
    const submitHash = respondWith(reply());
    let polls = 0;
    const getRequest: ApiClient["getRequest"] = (_id, signal) =>
      polls++ === 0 ? untilAborted(signal) : Promise.resolve(reply(completed()));
    const controller = createController({ submitHash, getRequest });
    controller.addFiles([image()], CAT);
    await vi.waitFor(() => expect(polls).toBe(1));
    controller.cancel(first(controller).scan.id);
    controller.retry(first(controller).scan.id);
    await until(controller, "completed");
    expect(submitHash.calls).toHaveLength(1);
  });
});

describe("the history", () => {
  it("keeps the file until the scan is completed", async () => {
    const getRequest: ApiClient["getRequest"] = (_id, signal) => untilAborted(signal);
    const controller = createController({ getRequest });
    controller.addFiles([image()], CAT);
    await until(controller, "scanning");
    expect(history.saved.get(first(controller).scan.id)?.file).not.toBeNull();
    const other = createController();
    await other.restore();
    await until(other, "completed");
    expect(history.saved.get(first(other).scan.id)).toMatchObject({ file: null, scan: { state: "completed" } });
  });

  it.each(["queued", "checking", "uploading", "scanning"])(
    "resumes a scan that was %s when the page was closed",
    async (state) => {
      const scan = {
        id: "old",
        name: "cat.jpg",
        question: CAT,
        removesMetadata: false,
        hash: null,
        image: null,
        note: null,
        addedAt: 0,
        sequence: 0,
        attempt: 0,
        generation: 0,
        sent: 0,
        transientError: null,
        requestId: "r",
      };
      history.saved.set("old", { scan: { ...scan, state } as Entry["scan"], preview: null, file: image().file });
      const submitHash = respondWith(reply());
      const controller = createController({ submitHash });
      await controller.restore();
      await until(controller, "completed");
      expect(submitHash.calls).toHaveLength(state === "scanning" ? 0 : 1);
    },
  );

  it("can be unavailable without stopping the page", async () => {
    const fail = () => Promise.reject(new Error("no space"));
    Object.assign(history, { load: fail, save: fail });
    const controller = createController();
    await controller.restore();
    controller.addFiles([image()], CAT);
    await until(controller, "completed");
    expect(controller.store.historyError.value).toContain("no space");
  });

  it("removes one scan or all scans", async () => {
    const controller = createController();
    controller.addFiles(
      ["a", "b", "c"].map((name) => image(name)),
      CAT,
    );
    await until(controller, "completed", "completed", "completed");
    controller.remove(first(controller).scan.id);
    await untilSaved(2);
    controller.removeAll();
    expect(states(controller)).toEqual([]);
    await untilSaved(0);
  });
});

describe("deletion on the service", () => {
  const deletion = (...results: (undefined | ScanError)[]) => {
    const calls: string[] = [];
    const deleteRequest: ApiClient["deleteRequest"] = async (requestId) => {
      const result = results[Math.min(calls.push(requestId), results.length) - 1];
      if (result) throw result;
    };
    return { calls, deleteRequest };
  };

  it("removes the scan after the request", async () => {
    const { calls, deleteRequest } = deletion(undefined);
    const controller = createController({ deleteRequest });
    controller.addFiles([image()], CAT);
    await until(controller, "completed");
    const deleting = controller.deleteRequest(first(controller).scan.id);
    expect(controller.store.deletions.value.get(first(controller).scan.id)).toEqual({ state: "deleting" });
    await deleting;
    expect([calls, states(controller)]).toEqual([["r"], []]);
    await untilSaved(0);
    expect(announced(controller).at(-1)).toBe("cat.jpg deleted");
  });

  it.each(["unavailable", "rate_limited", "rejected", "offline"] as const)(
    "that fails with %s shows the error and keeps the scan, and can be repeated",
    async (kind) => {
      const { calls, deleteRequest } = deletion(errorOf(kind), undefined);
      const controller = createController({ deleteRequest });
      controller.addFiles([image()], CAT);
      await until(controller, "completed");
      const before = first(controller);
      await controller.deleteRequest(before.scan.id);
      expect(first(controller)).toBe(before);
      expect(controller.store.deletions.value.get(before.scan.id)).toMatchObject({ state: "failed", error: { kind } });
      expect(announced(controller).at(-1)).toMatch(/^cat\.jpg could not be deleted\. .*It is/);
      await controller.deleteRequest(before.scan.id);
      expect([calls, states(controller)]).toEqual([["r", "r"], []]);
      expect(controller.store.deletions.value.size).toBe(0);
    },
  );

  it("is not repeated while it is in progress", async () => {
    const { calls, deleteRequest } = deletion(undefined);
    const controller = createController({ deleteRequest });
    controller.addFiles([image()], CAT);
    await until(controller, "completed");
    const { id } = first(controller).scan;
    await Promise.all([controller.deleteRequest(id), controller.deleteRequest(id)]);
    expect(calls).toEqual(["r"]);
  });

  it("of a pending request lets it continue until it is deleted", async () => {
    const { calls, deleteRequest } = deletion(errorOf("unavailable"), undefined);
    const controller = createController({ deleteRequest, getRequest: (_id, signal) => untilAborted(signal) });
    controller.addFiles([image()], CAT);
    await until(controller, "scanning");
    await controller.deleteRequest(first(controller).scan.id);
    expect(states(controller)).toEqual(["scanning"]);
    await controller.deleteRequest(first(controller).scan.id);
    expect([calls, states(controller)]).toEqual([["r", "r"], []]);
  });

  it("of an image that is uploading stops the upload and deletes its request", async () => {
    const { calls, deleteRequest } = deletion(undefined);
    const target = { url: "https://bucket", headers: {}, expires_at: "2999-01-01T00:00:00Z" };
    const upload = vi.fn<ApiClient["upload"]>((_target, _file, signal) => untilAborted(signal));
    const submitHash = respondWith(reply(pending({ upload: target })));
    const controller = createController({ deleteRequest, submitHash, upload });
    controller.addFiles([image()], CAT);
    await vi.waitFor(() => expect(upload).toHaveBeenCalled());
    expect(controller.isSubmitted(first(controller).scan.id)).toBe(true);
    await controller.deleteRequest(first(controller).scan.id);
    expect([calls, states(controller), upload.mock.calls[0]?.[2].aborted]).toEqual([["r"], [], true]);
  });

  it("includes the requests of earlier attempts", async () => {
    const { calls, deleteRequest } = deletion(undefined);
    const controller = createController({
      deleteRequest,
      submitHash: respondWith(reply(pending({ request_id: "r1" })), reply(pending({ request_id: "r2" }))),
      getRequest: respondWith(
        reply({ ...failed("timed_out"), request_id: "r1" }),
        reply(completed(undefined, { request_id: "r2" })),
      ),
    });
    controller.addFiles([image()], CAT);
    await until(controller, "failed");
    controller.retryAll();
    await until(controller, "completed");
    await controller.deleteRequest(first(controller).scan.id);
    expect(calls.toSorted()).toEqual(["r1", "r2"]);
  });

  it("of all images keeps those that fail", async () => {
    const deleted: string[] = [];
    const deleteRequest: ApiClient["deleteRequest"] = async (requestId) => {
      if (requestId === "r of b") throw errorOf("unavailable");
      deleted.push(requestId);
    };
    const submitHash: ApiClient["submitHash"] = async ({ hash }) =>
      reply(completed(undefined, { request_id: hash.replace("hash of", "r of") }));
    const controller = createController({ deleteRequest, submitHash });
    controller.addFiles(
      ["a", "b", "c"].map((name) => image(name)),
      CAT,
    );
    await until(controller, "completed", "completed", "completed");
    await controller.deleteAll();
    expect(deleted.toSorted()).toEqual(["r of a", "r of c"]);
    expect(controller.store.entries.value.map(({ scan }) => scan.name)).toEqual(["b"]);
    await untilSaved(1);
    expect([...history.saved.values()].map(({ scan }) => scan.name)).toEqual(["b"]);
  });

  it("only removes an image that was never submitted", async () => {
    const { calls, deleteRequest } = deletion(undefined);
    const controller = createController({ deleteRequest, prepareImage: () => Promise.reject(errorOf("rejected")) });
    controller.addFiles([image()], CAT);
    await until(controller, "failed");
    expect(controller.isSubmitted(first(controller).scan.id)).toBe(false);
    await controller.deleteAll();
    expect([calls, states(controller)]).toEqual([[], []]);
    await untilSaved(0);
  });
});

describe("a suspended page", () => {
  it("shows nothing, sends nothing and keeps the history", async () => {
    const submitHash = respondWith<[Submission, AbortSignal]>(reply());
    const stuck: ApiClient["submitHash"] = (submission, signal) => {
      submitHash(submission, signal);
      return untilAborted(signal);
    };
    const controller = createController({ submitHash: stuck });
    controller.addFiles(
      [1, 2, 3, 4, 5].map((one) => image(`${one}.jpg`)),
      CAT,
    );
    await until(controller, ...Array(5).fill("uploading"));
    controller.suspend();
    controller.addFiles([image("late.jpg")], CAT);
    controller.openRequest("r");
    await controller.restore();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect([states(controller), announced(controller), focused(controller)]).toEqual([[], [], undefined]);
    expect(submitHash.calls).toHaveLength(5);
    expect(submitHash.calls.every(([, signal]) => signal.aborted)).toBe(true);
    expect([...history.saved.values()].map(({ scan }) => scan.state)).toEqual(Array(5).fill("uploading"));
  });

  it("does not show a history that is still loading", async () => {
    createController({ getRequest: (_id, signal) => untilAborted(signal) }).addFiles([image()], CAT);
    const controller = createController();
    const restoring = controller.restore();
    controller.suspend();
    await restoring;
    expect(states(controller)).toEqual([]);
  });

  it("shows no result that arrives later", async () => {
    let polls = 0;
    let finish = (_: Reply) => {};
    const getRequest: ApiClient["getRequest"] = () =>
      new Promise((resolve) => {
        polls++;
        finish = resolve;
      });
    const controller = createController({ getRequest });
    controller.addFiles([image()], CAT);
    await until(controller, "scanning");
    await vi.waitFor(() => expect(polls).toBe(1));
    controller.suspend();
    finish(reply(completed()));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect([states(controller), announced(controller)]).toEqual([[], []]);
  });
});

describe("a link to a request", () => {
  it("shows the result without an image", async () => {
    const getRequest = respondWith<[string, AbortSignal]>(reply(completed()));
    const controller = createController({ getRequest });
    controller.openRequest("r");
    await until(controller, "completed");
    expect(getRequest.calls[0]?.[0]).toBe("r");
    expect(focused(controller)).toBe(first(controller).scan.id);
  });

  it("focuses the existing scan of that request", async () => {
    const controller = createController();
    controller.addFiles([image()], CAT);
    await until(controller, "completed");
    controller.openRequest("r");
    expect(controller.store.entries.value).toHaveLength(1);
    expect(focused(controller)).toBe(first(controller).scan.id);
  });
});

describe("many images of a batch", () => {
  const images = (count: number) => Array.from({ length: count }, (_, index) => image(`${index}.jpg`));
  const stuck: ApiClient["submitHash"] = (_submission, signal) => untilAborted(signal);
  const names = ({ store }: ScanController) => store.entries.value.map(({ scan }) => scan.name);

  it("are saved in one transaction", async () => {
    const controller = createController({ submitHash: stuck });
    controller.addFiles(images(300), CAT);
    expect(controller.store.wouldLoseImages.value).toBe(true);
    await untilSaved(300);
    expect(history.transactions[0]?.added).toHaveLength(300);
    await vi.waitFor(() => expect(controller.store.wouldLoseImages.value).toBe(false));
  });

  it("keep their order after a reload", async () => {
    const controller = createController({ submitHash: stuck });
    controller.addFiles(images(3), CAT);
    controller.addFiles([image("new.jpg")], CAT);
    expect(names(controller)).toEqual(["new.jpg", "0.jpg", "1.jpg", "2.jpg"]);
    await untilSaved(4);
    history.load = async () => [...history.saved.values()].reverse();
    const reloaded = createController({ submitHash: stuck });
    await reloaded.restore();
    expect(names(reloaded)).toEqual(names(controller));
  });

  it("that have finished are trimmed with a notice, the unfinished ones are not", async () => {
    const numbers = { addedAt: 0, attempt: 0, generation: 0 };
    const info = { hash: null, image: null, note: null, question: CAT, removesMetadata: false, ...numbers };
    const entry = (sequence: number, state: "queued" | "cancelled"): Entry => ({
      scan: { ...info, id: String(sequence), name: `${sequence}.jpg`, sequence, state, requestId: null },
      preview: null,
      file: image().file,
    });
    for (let sequence = 0; sequence < 20; sequence++) history.saved.set(String(sequence), entry(sequence, "queued"));
    for (let sequence = 20; sequence < HISTORY_LIMIT + 23; sequence++)
      history.saved.set(String(sequence), entry(sequence, "cancelled"));
    const controller = createController({ submitHash: stuck });
    await controller.restore();
    expect(controller.store.trimmed.value).toBe(3);
    expect(controller.store.entries.value).toHaveLength(HISTORY_LIMIT + 20);
    expect(controller.store.entries.value.filter(({ scan }) => isUnfinished(scan))).toHaveLength(20);
    await untilSaved(HISTORY_LIMIT + 20);
    expect(history.saved.has("20")).toBe(false);
  });

  it("that do not all fit are saved as far as possible", async () => {
    const { save } = history;
    history.save = async (changes) => {
      if (changes.added.length > 1 || changes.added.some(({ scan }) => scan.name === "1.jpg"))
        throw new DOMException("", "QuotaExceededError");
      return save(changes);
    };
    const controller = createController({ submitHash: stuck });
    controller.addFiles(images(3), CAT);
    await vi.waitFor(() => expect(controller.store.historyError.value).toBe("The storage of this browser is full."));
    await untilSaved(2);
    expect(controller.store.wouldLoseImages.value).toBe(true);
  });
});

describe("a removal", () => {
  it("can be undone, and unfinished images continue", async () => {
    let isStuck = true;
    const submitHash: ApiClient["submitHash"] = (_submission, signal) =>
      isStuck ? untilAborted(signal) : Promise.resolve(reply());
    const controller = createController({ submitHash });
    controller.addFiles([image("a"), image("b")], CAT);
    await until(controller, "uploading", "uploading");
    controller.removeAll();
    expect(announced(controller).at(-1)).toBe("2 images removed");
    await untilSaved(0);
    isStuck = false;
    controller.undoRemoval();
    await until(controller, "completed", "completed");
    await untilSaved(2);
    expect(controller.store.undoable.value).toEqual([]);
    expect(controller.store.entries.value.map(({ scan }) => scan.name)).toEqual(["a", "b"]);
  });

  it("on the service cannot be undone", async () => {
    const controller = createController();
    controller.addFiles([image()], CAT);
    await until(controller, "completed");
    await controller.deleteAll();
    expect(controller.store.undoable.value).toEqual([]);
  });
});

/** Tabs of the same browser. The first one that joins sends. */
class FakeBrowser {
  private readonly tabs: { sender: Sender; onMessage: (message: TabMessage) => void }[] = [];

  open(): Tabs {
    let self: (typeof this.tabs)[number] | null = null;
    return {
      join: (sender, onMessage) => {
        self = { sender, onMessage };
        if (this.tabs.push(self) === 1) sender.start();
      },
      publish: (message) => {
        for (const tab of this.tabs) if (tab !== self) tab.onMessage(message);
      },
      leave: () => {
        if (!self) return;
        const wasSender = this.tabs[0] === self;
        this.tabs.splice(this.tabs.indexOf(self), 1);
        self.sender.stop();
        if (wasSender) this.tabs[0]?.sender.start();
      },
    };
  }
}

describe("two tabs", () => {
  const openTwo = (fakes: Fakes = {}) => {
    const browser = new FakeBrowser();
    const create = (prefix: string) =>
      createController({ ...fakes, tabs: browser.open(), newId: () => `${prefix}${++ids}` });
    return [create("a"), create("b")] as const;
  };
  const stuck = () => vi.fn<ApiClient["submitHash"]>((_submission, signal) => untilAborted(signal));

  it("show the same images, and one of them sends", async () => {
    const submitHash = respondWith<[Submission, AbortSignal]>(reply());
    const [one, other] = openTwo({ submitHash });
    other.addFiles([image("a"), image("b")], CAT);
    await until(one, "completed", "completed");
    await until(other, "completed", "completed");
    expect(submitHash.calls).toHaveLength(2);
  });

  it.each([0, 1])("cancel an image in both, if tab %i cancels it", async (index) => {
    const submitHash = stuck();
    const tabs = openTwo({ submitHash });
    tabs[0].addFiles([image()], CAT);
    for (const tab of tabs) await until(tab, "uploading");
    const tab = tabs[index] as ScanController;
    tab.cancel(first(tab).scan.id);
    for (const tab of tabs) await until(tab, "cancelled");
    expect(submitHash.mock.calls[0]?.[1].aborted).toBe(true);
    const reloaded = createController({ submitHash });
    await reloaded.restore();
    expect(states(reloaded)).toEqual(["cancelled"]);
  });

  it.each([0, 1])("remove an image in both, if tab %i removes it, and restore it in both", async (index) => {
    const submitHash = stuck();
    const tabs = openTwo({ submitHash });
    tabs[0].addFiles([image()], CAT);
    for (const tab of tabs) await until(tab, "uploading");
    const tab = tabs[index] as ScanController;
    tab.removeAll();
    for (const tab of tabs) await until(tab);
    expect(submitHash.mock.calls[0]?.[1].aborted).toBe(true);
    await untilSaved(0);
    tab.undoRemoval();
    for (const tab of tabs) await until(tab, "uploading");
  });

  it("retry an image in the tab that sends", async () => {
    const submitHash = respondWith<[Submission, AbortSignal]>(reply());
    const getRequest = respondWith(reply(failed("attempts_exhausted")), reply(completed()));
    const [one, other] = openTwo({ submitHash, getRequest });
    one.addFiles([image()], CAT);
    await until(other, "failed");
    other.retryAll();
    for (const tab of [one, other]) await until(tab, "completed");
    expect(submitHash.calls.map(([{ key }]) => key)).toEqual(["a1.0", "a1.1"]);
  });

  it("continue in the other one when the one that sends is closed", async () => {
    let isStuck = true;
    const submitHash: ApiClient["submitHash"] = (_submission, signal) =>
      isStuck ? untilAborted(signal) : Promise.resolve(reply());
    const [one, other] = openTwo({ submitHash });
    one.addFiles([image()], CAT);
    await until(other, "uploading");
    isStuck = false;
    one.suspend();
    await until(other, "completed");
  });

  it("each send their own images if these cannot be saved", async () => {
    history.save = () => Promise.reject(new Error("no space"));
    const [one, other] = openTwo();
    other.addFiles([image()], CAT);
    await until(other, "completed");
    expect(states(one)).toEqual([]);
  });
});
