import { expect, it, vi } from "vitest";
import { combineCalls } from "../../src/api/batches";
import { type ApiClient, type BatchApi, parseReplies, type Reply } from "../../src/api/client";
import { errorInfo, ScanError } from "../../src/core/errors";
import { DEFAULT_QUESTION } from "../../src/core/question";
import { completed, pending } from "./examples";

const reply = (request_id: string, more = pending()): Reply => ({
  request: { ...more, request_id },
  retryAfterMs: null,
});
const { signal } = new AbortController();
const submission = (key: string) => ({ file: new Blob(), hash: key, question: DEFAULT_QUESTION, key });

/** An API that knows every image, and returns labels only for requests that are fetched. */
function createApi(more: Partial<ApiClient & BatchApi> = {}) {
  return {
    submitHash: vi.fn<ApiClient["submitHash"]>(async ({ key }) => reply(key, completed())),
    submitHashes: vi.fn<BatchApi["submitHashes"]>(async (all) =>
      all.map(({ key }) => ({ ...reply(key, completed([], { labels: [] })), isSummary: true })),
    ),
    getRequest: vi.fn<ApiClient["getRequest"]>(async (id) => reply(id, completed())),
    getRequests: vi.fn<BatchApi["getRequests"]>(async (ids) => ids.map((id) => reply(id, completed()))),
    ...more,
  } as unknown as ApiClient & { [K in keyof (ApiClient & BatchApi)]: ReturnType<typeof vi.fn> } & BatchApi;
}

it("a single call is not a batch", async () => {
  const api = createApi();
  const result = await combineCalls(api).submitHash(submission("a"), signal);
  expect(result).toEqual(reply("a", completed()));
  expect(api.submitHashes).not.toHaveBeenCalled();
  expect(api.getRequests).not.toHaveBeenCalled();
});

it("a call that may be held is sent alone, although others are made at the same time", async () => {
  const api = createApi();
  const combined = combineCalls(api);
  await Promise.all([combined.getRequest("a", signal, 20), ...["b", "c"].map((id) => combined.getRequest(id, signal))]);
  expect(vi.mocked(api.getRequest).mock.calls).toEqual([["a", signal, 20]]);
  expect(vi.mocked(api.getRequests).mock.calls.map(([ids]) => ids)).toEqual([["b", "c"]]);
});

it("a completed request without terms is not fetched again", async () => {
  const api = createApi({ submitHash: async ({ key }) => reply(key, completed([])) });
  expect(await combineCalls(api).submitHash(submission("a"), signal)).toEqual(reply("a", completed([])));
  expect(api.getRequest).not.toHaveBeenCalled();
});

it("300 known images take 12 submissions and at most 12 requests for their labels", async () => {
  const api = createApi();
  const combined = combineCalls(api);
  const keys = Array.from({ length: 300 }, (_, index) => `k${index}`);
  const replies = await Promise.all(keys.map((key) => combined.submitHash(submission(key), signal)));
  expect(replies).toEqual(keys.map((key) => reply(key, completed())));
  expect(api.submitHashes).toHaveBeenCalledTimes(12);
  expect(api.submitHash).not.toHaveBeenCalled();
  expect(vi.mocked(api.getRequests).mock.calls.length).toBeLessThanOrEqual(12);
});

it("an error of one entry does not affect the others", async () => {
  const error = new ScanError(errorInfo("rejected", "Reason."));
  const api = createApi({ submitHashes: async ([, second]) => [error, reply(second?.key ?? "")] });
  const combined = combineCalls(api);
  const results = await Promise.allSettled(["a", "b"].map((key) => combined.submitHash(submission(key), signal)));
  expect(results).toEqual([
    { status: "rejected", reason: error },
    { status: "fulfilled", value: reply("b") },
  ]);
});

it("an error of the batch is the error of every entry", async () => {
  const error = new ScanError(errorInfo("unavailable", "Reason."));
  const combined = combineCalls(createApi({ getRequests: () => Promise.reject(error) }));
  const results = await Promise.allSettled(["a", "b"].map((id) => combined.getRequest(id, signal)));
  expect(results.map((result) => result.status === "rejected" && result.reason)).toEqual([error, error]);
});

it("a request that does not fit into the response is fetched on its own", async () => {
  const error = new ScanError(errorInfo("too_large", "Reason."));
  const api = createApi({ getRequests: async (ids) => ids.map((id) => (id === "b" ? error : reply(id, completed()))) });
  const combined = combineCalls(api);
  const replies = await Promise.all(["a", "b"].map((id) => combined.getRequest(id, signal)));
  expect(replies).toEqual([reply("a", completed()), reply("b", completed())]);
  expect(api.getRequest).toHaveBeenCalledTimes(1);
});

it("an aborted call is not sent and does not stop the others", async () => {
  const api = createApi();
  const combined = combineCalls(api);
  const controller = new AbortController();
  const calls = [
    combined.getRequest("a", signal),
    combined.getRequest("b", controller.signal),
    combined.getRequest("c", signal),
  ];
  controller.abort(new Error("cancelled"));
  const results = await Promise.allSettled(calls);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(vi.mocked(api.getRequests).mock.calls.map(([ids]) => ids)).toEqual([["a", "c"]]);
});

it("a response to a batch is parsed", () => {
  const { labels, moderation, text, closest_labels, results, ...summary } = completed();
  const body = {
    results: [
      { status_code: 200, request: summary, error: null },
      { status_code: 200, request: completed(), error: null },
      { status_code: 404, request: null, error: { code: "request_not_found", message: "Unknown." } },
      { status_code: 200, request: { ...completed(), label_matched: false }, error: null },
    ],
  };
  const [first, second, third, fourth] = parseReplies({ status: 200, text: JSON.stringify(body), retryAfter: "1" });
  expect(first).toEqual({
    request: { ...completed(), labels: [], closest_labels: [], results: [] },
    retryAfterMs: 1_000,
    isSummary: true,
  });
  expect(second).toEqual({ request: completed(), retryAfterMs: 1_000 });
  expect(third).toMatchObject({ info: { kind: "not_found", message: "Unknown." } });
  expect(fourth).toBeInstanceOf(ScanError);
});

it.each([
  [500, "{}"],
  [200, "[]"],
  [200, "<html>"],
])("a %i response with the body %s is an error", (status, text) => {
  expect(() => parseReplies({ status, text, retryAfter: null })).toThrow(ScanError);
});
