import { beforeEach, describe, expect, it } from "vitest";
import type { Reply, Submission } from "../../src/api/client";
import { type ErrorKind, errorInfo, ScanError } from "../../src/core/errors";
import { DEFAULT_QUESTION } from "../../src/core/question";
import { MAX_BODY_BYTES } from "../../src/image/limits";
import { createUpload } from "../../src/scan/upload";
import { completed, pending } from "./examples";

const NOW = Date.parse("2026-11-22T10:40:00Z");
const EXPIRES = { expires_at: "2026-11-22T10:55:00Z" };

/** An API that knows no image. Uploads fail with the given errors in turn, then succeed. */
class FakeApi {
  readonly calls: string[] = [];
  reply: Reply | null = null;
  uploadErrors: ErrorKind[] = [];

  submitHash = async ({ key }: Submission): Promise<Reply> => {
    this.calls.push(`submitHash ${key}`);
    const url = `upload ${this.calls.length}`;
    return this.reply ?? { request: pending({ upload: { url, headers: {}, ...EXPIRES } }), retryAfterMs: 1_000 };
  };
  upload = async ({ url }: { url: string }): Promise<void> => {
    this.calls.push(url);
    const kind = this.uploadErrors.shift();
    if (kind) throw new ScanError(errorInfo(kind, "The upload failed."));
  };
  submitBytes = async ({ key }: Submission): Promise<Reply> => {
    this.calls.push(`submitBytes ${key}`);
    return { request: pending(), retryAfterMs: null };
  };
}

let api: FakeApi;
let now: number;

beforeEach(() => {
  api = new FakeApi();
  now = NOW;
});

function upload({ bytes = MAX_BODY_BYTES + 1, hash = "ab" as string | null } = {}): () => Promise<Reply> {
  const submission = { file: new Blob([new Uint8Array(bytes)]), hash, question: DEFAULT_QUESTION, key: "k" };
  const run = createUpload(submission, api, () => now);
  return () =>
    run(new AbortController().signal, () => {
      throw new Error("The fake API reports no progress.");
    });
}

it("an unknown image is submitted by hash and then uploaded", async () => {
  expect(await upload()()).toMatchObject({ request: { status: "pending" }, retryAfterMs: 1_000 });
  expect(api.calls).toEqual(["submitHash k", "upload 1"]);
});

it("a known image is not uploaded", async () => {
  api.reply = { request: completed(), retryAfterMs: null };
  expect(await upload()()).toBe(api.reply);
  expect(api.calls).toEqual(["submitHash k"]);
});

it("an image without a hash is sent in the request body", async () => {
  await upload({ hash: null })();
  expect(api.calls).toEqual(["submitBytes k"]);
});

it("an image whose bytes the page does not have is submitted by hash, but not uploaded", async () => {
  const file = { type: "image/jpeg", size: 3 };
  const run = createUpload({ file, hash: "ab", question: DEFAULT_QUESTION, key: "k" }, api, () => now);
  await expect(run(new AbortController().signal, () => {})).rejects.toThrow("The service no longer stores this image");
  expect(api.calls).toEqual(["submitHash k"]);
  api.reply = { request: pending(), retryAfterMs: 1_000 };
  const another = createUpload({ file, hash: "ab", question: DEFAULT_QUESTION, key: "k" }, api, () => now);
  expect(await another(new AbortController().signal, () => {})).toBe(api.reply);
});

describe("a failed upload", () => {
  it("is repeated with the same URL while that is valid", async () => {
    api.uploadErrors = ["unavailable", "offline"];
    const run = upload();
    await expect(run()).rejects.toThrow(ScanError);
    await expect(run()).rejects.toThrow(ScanError);
    await run();
    expect(api.calls).toEqual(["submitHash k", "upload 1", "upload 1", "upload 1"]);
  });

  it("gets a new URL with the same key after the URL has expired", async () => {
    api.uploadErrors = ["unavailable"];
    const run = upload();
    await expect(run()).rejects.toThrow(ScanError);
    now = Date.parse(EXPIRES.expires_at);
    await run();
    expect(api.calls).toEqual(["submitHash k", "upload 1", "submitHash k", "upload 3"]);
  });

  it("gets a new URL with the same key after S3 rejected it", async () => {
    api.uploadErrors = ["upload_failed"];
    const run = upload();
    await expect(run()).rejects.toThrow(ScanError);
    await run();
    expect(api.calls).toEqual(["submitHash k", "upload 1", "submitHash k", "upload 3"]);
  });

  it("is sent in the request body with another key if S3 is unreachable and the image is small", async () => {
    api.uploadErrors = ["unavailable"];
    await upload({ bytes: MAX_BODY_BYTES })();
    expect(api.calls).toEqual(["submitHash k", "upload 1", "submitBytes k.posted"]);
  });
});
