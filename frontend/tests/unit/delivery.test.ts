import { beforeEach, describe, expect, it } from "vitest";
import type { Reply, Submission } from "../../src/api/client";
import { MOST_POSTED_BYTES } from "../../src/picture/check";
import { deliveryOf } from "../../src/scan/delivery";
import { type ProblemKind, problem, ScanProblem } from "../../src/scan/problem";
import { DEFAULT_QUESTION } from "../../src/scan/question";
import { answered, pending } from "./examples";

const NOW = Date.parse("2026-11-22T10:40:00Z");
const EXPIRES = { expires_at: "2026-11-22T10:55:00Z" };

/** A service that knows no picture; its storage answers with these failures in turn, then takes what comes. */
class FakeService {
  readonly calls: string[] = [];
  reply: Reply | null = null;
  failures: ProblemKind[] = [];

  announce = async ({ key }: Submission): Promise<Reply> => {
    this.calls.push(`announce ${key}`);
    const url = `upload ${this.calls.length}`;
    return this.reply ?? { request: pending({ upload: { url, headers: {}, ...EXPIRES } }), retryAfterMs: 1_000 };
  };
  upload = async ({ url }: { url: string }): Promise<void> => {
    this.calls.push(url);
    const kind = this.failures.shift();
    if (kind) throw new ScanProblem(problem(kind, "It did not work."));
  };
  post = async ({ key }: Submission): Promise<Reply> => {
    this.calls.push(`post ${key}`);
    return { request: pending(), retryAfterMs: null };
  };
}

let service: FakeService;
let now: number;

beforeEach(() => {
  service = new FakeService();
  now = NOW;
});

function delivery({ bytes = MOST_POSTED_BYTES + 1, hash = "ab" as string | null } = {}): () => Promise<Reply> {
  const submission = { file: new Blob([new Uint8Array(bytes)]), hash, question: DEFAULT_QUESTION, key: "k" };
  const deliver = deliveryOf(submission, service, () => now);
  return () =>
    deliver(new AbortController().signal, () => {
      throw new Error("Nothing was sent, so there is no progress.");
    });
}

it("a picture that the service does not know is announced, then uploaded", async () => {
  expect(await delivery()()).toMatchObject({ request: { status: "pending" }, retryAfterMs: 1_000 });
  expect(service.calls).toEqual(["announce k", "upload 1"]);
});

it("of a picture that the service knows, no byte is sent", async () => {
  service.reply = { request: answered(), retryAfterMs: null };
  expect(await delivery()()).toBe(service.reply);
  expect(service.calls).toEqual(["announce k"]);
});

it("a picture without a hash goes with the question", async () => {
  await delivery({ hash: null })();
  expect(service.calls).toEqual(["post k"]);
});

describe("an upload that failed", () => {
  it("is repeated while its address is good, without asking anew", async () => {
    service.failures = ["unavailable", "offline"];
    const deliver = delivery();
    await expect(deliver()).rejects.toThrow(ScanProblem);
    await expect(deliver()).rejects.toThrow(ScanProblem);
    await deliver();
    expect(service.calls).toEqual(["announce k", "upload 1", "upload 1", "upload 1"]);
  });

  it("asks anew under the same key once its address has expired", async () => {
    service.failures = ["unavailable"];
    const deliver = delivery();
    await expect(deliver()).rejects.toThrow(ScanProblem);
    now = Date.parse(EXPIRES.expires_at);
    await deliver();
    expect(service.calls).toEqual(["announce k", "upload 1", "announce k", "upload 3"]);
  });

  it("asks anew under the same key where the storage refused it", async () => {
    service.failures = ["unsent"];
    const deliver = delivery();
    await expect(deliver()).rejects.toThrow(ScanProblem);
    await deliver();
    expect(service.calls).toEqual(["announce k", "upload 1", "announce k", "upload 3"]);
  });

  it("goes with the question, under another key, where the storage cannot be reached and the picture is small", async () => {
    service.failures = ["unavailable"];
    await delivery({ bytes: MOST_POSTED_BYTES })();
    expect(service.calls).toEqual(["announce k", "upload 1", "post k.posted"]);
  });
});
