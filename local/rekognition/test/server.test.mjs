/** @import { Detection, Fault, S3ObjectReference, Taxonomy } from "../src/types.js" */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, test } from "node:test";
import { createApp } from "../src/app.mjs";
import { RekognitionEmulator } from "../src/detect-labels.mjs";
import { cached, sha256 } from "../src/detection-cache.mjs";
import { invalidS3Object } from "../src/errors.mjs";

const taxonomy = /** @type {Taxonomy} */ (JSON.parse(await readFile(new URL("../src/taxonomy.json", import.meta.url), "utf8")));
const IMAGE = Buffer.from([0xff, 0xd8, 0xff, 1, 2, 3]);
const OTHER = Buffer.from([0xff, 0xd8, 0xff, 4, 5, 6]);
const WITH_BYTES = { Image: { Bytes: IMAGE.toString("base64") } };

/** A detector that finds a cat in every image and counts its calls. */
class FakeDetector {
  detections = 0;

  /** @param {Uint8Array} _image @returns {Promise<Detection[]>} */
  async detect(_image) {
    this.detections += 1;
    return [{ index: 15, score: 0.65, box: { Left: 0, Top: 0, Width: 1, Height: 1 } }];
  }
}

const OBJECTS = /** @type {Record<string, Buffer>} */ ({ "images/cat.jpg": IMAGE, "images/note.txt": Buffer.from("hello") });
const readObject = async (/** @type {S3ObjectReference} */ { Name }) => {
  if (!OBJECTS[Name]) throw invalidS3Object();
  return OBJECTS[Name];
};

/** @type {FakeDetector} */ let detector;
/** @type {import("node:http").Server} */ let server;
/** @type {number} */ let clock;

beforeEach(async () => {
  detector = new FakeDetector();
  clock = 0;
  const emulator = new RekognitionEmulator({ detector: cached(detector), readObject, taxonomy, now: () => clock });
  server = createApp(emulator).listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

const baseUrl = () => `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`;
/** @param {unknown} body @param {string} [operation] */
const call = (body, operation = "DetectLabels") =>
  fetch(`${baseUrl()}/`, {
    method: "POST",
    headers: { "X-Amz-Target": `RekognitionService.${operation}`, "Content-Type": "application/x-amz-json-1.1" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
/** @param {string} path @param {unknown} [body] */
const control = (path, body) => fetch(`${baseUrl()}/_control/${path}`, { method: "POST", body: JSON.stringify(body) });
const counts = async () => (await fetch(`${baseUrl()}/_control/calls`)).json();
/** @param {Response} response */
const code = async (response) => (await response.json()).__type ?? "succeeded";

test("the response for an S3 object has the format that boto3 expects", async () => {
  const response = await call({ Image: { S3Object: { Bucket: "pics", Name: "images/cat.jpg" } } });
  const body = await response.json();
  assert.equal(response.headers.get("content-type"), "application/x-amz-json-1.1");
  assert.match(String(response.headers.get("x-amzn-requestid")), /^[0-9a-f-]{36}$/);
  assert.deepEqual(Object.keys(body), ["Labels", "LabelModelVersion"]);
  assert.deepEqual(Object.keys(body.Labels[0]), ["Name", "Confidence", "Instances", "Parents", "Aliases", "Categories"]);
  assert.equal(body.LabelModelVersion, "3.0");
});

test("bytes give the same response as an S3 object", async () => {
  const [bytes, object] = await Promise.all([call(WITH_BYTES), call({ Image: { S3Object: { Bucket: "pics", Name: "images/cat.jpg" } } })]);
  assert.deepEqual(await bytes.json(), await object.json());
});

test("the code of an error is in the body and in a header", async () => {
  const response = await call({ Image: { S3Object: { Bucket: "pics", Name: "images/gone.jpg" } } });
  const { __type, Message } = await response.json();
  assert.deepEqual([response.status, __type], [400, "InvalidS3ObjectException"]);
  assert.equal(response.headers.get("x-amzn-errortype"), "InvalidS3ObjectException");
  assert.match(Message, /Check object key/);
});

const withObject = (/** @type {object} */ object) => ({ Image: { S3Object: { Bucket: "pics", Name: "images/cat.jpg", ...object } } });
const REJECTED = /** @type {[string, unknown, string][]} */ ([
  ["a body that is not JSON", "{", "SerializationException"],
  ["a body that is not an object", "7", "InvalidParameterException"],
  ["a missing image", {}, "InvalidParameterException"],
  ["an image without bytes or S3 object", { Image: {} }, "InvalidParameterException"],
  ["an image with both bytes and S3 object", { Image: { ...WITH_BYTES.Image, ...withObject({}).Image } }, "InvalidParameterException"],
  ["numeric bytes", { Image: { Bytes: 7 } }, "InvalidParameterException"],
  ["a short bucket name", withObject({ Bucket: "no" }), "InvalidParameterException"],
  ["an empty key", withObject({ Name: "" }), "InvalidParameterException"],
  ["an empty version", withObject({ Version: "" }), "InvalidParameterException"],
  ["a negative MaxLabels", { ...WITH_BYTES, MaxLabels: -1 }, "InvalidParameterException"],
  ["a MinConfidence above 100", { ...WITH_BYTES, MinConfidence: 101 }, "InvalidParameterException"],
  ["an unsupported feature", { ...WITH_BYTES, Features: ["IMAGE_PROPERTIES"] }, "InvalidParameterException"],
  ["settings", { ...WITH_BYTES, Settings: { GeneralLabels: {} } }, "InvalidParameterException"],
  ["more than 5 MB of bytes", { Image: { Bytes: Buffer.alloc(5 * 1024 * 1024 + 1, IMAGE).toString("base64") } }, "ImageTooLargeException"],
  ["an object that is not an image", withObject({ Name: "images/note.txt" }), "InvalidImageFormatException"],
]);

for (const [what, body, expected] of REJECTED) {
  test(`${what} is rejected with ${expected}`, async () => {
    const response = await call(body);
    assert.deepEqual([response.status, await code(response)], [400, expected]);
    assert.equal(detector.detections, 0);
  });
}

test("5 MB of bytes are accepted", async () => {
  assert.equal((await call({ Image: { Bytes: Buffer.alloc(5 * 1024 * 1024, IMAGE).toString("base64") } })).status, 200);
});

test("the default feature can be requested explicitly", async () => {
  assert.equal((await call({ ...WITH_BYTES, Features: ["GENERAL_LABELS"], Settings: {} })).status, 200);
});

test("other operations are rejected", async () => {
  const response = await call(WITH_BYTES, "DetectFaces");
  assert.deepEqual([response.status, await code(response)], [400, "UnknownOperationException"]);
});

test("a detector error returns 500 and is not cached", async () => {
  const original = detector.detect;
  detector.detect = () => Promise.reject(new Error("out of memory"));
  assert.equal((await call(WITH_BYTES)).status, 500);
  detector.detect = original;
  assert.equal((await call(WITH_BYTES)).status, 200);
});

test("every call is counted, but each image is detected once", async () => {
  const other = { Image: { Bytes: OTHER.toString("base64") } };
  await Promise.all([call(WITH_BYTES), call(WITH_BYTES), call(other), call({})]);
  assert.deepEqual(await counts(), {
    total: 4,
    succeeded: 3,
    by_image: { [sha256(IMAGE)]: 2, [sha256(OTHER)]: 1 },
    failed: { InvalidParameterException: 1 },
  });
  assert.equal(detector.detections, 2);
});

test("a web page cannot inject faults or run detection", async () => {
  const headers = { Origin: "http://attacker.example", "Content-Type": "text/plain" };
  const fault = JSON.stringify({ kind: "error", all: true });
  const attempts = [
    await fetch(`${baseUrl()}/_control/faults`, { method: "POST", headers, body: fault }),
    await fetch(baseUrl(), { method: "POST", headers, body: JSON.stringify(WITH_BYTES) }),
  ];
  assert.deepEqual(await Promise.all(attempts.map(code)), ["AccessDeniedException", "AccessDeniedException"]);
  assert.deepEqual(attempts.map(({ status }) => status), [403, 403]);
  assert.equal((await call(WITH_BYTES)).status, 200);
  assert.deepEqual(await counts(), { total: 1, succeeded: 1, by_image: { [sha256(IMAGE)]: 1 }, failed: {} });
});

test("a reset clears call counts and faults", async () => {
  await control("faults", { kind: "error", all: true });
  await call(WITH_BYTES);
  await control("reset");
  assert.deepEqual(await counts(), { total: 0, succeeded: 0, by_image: {}, failed: {} });
  assert.equal((await call(WITH_BYTES)).status, 200);
});

const FAULTS = /** @type {[Fault, number, string][]} */ ([
  [{ kind: "throttle" }, 500, "ThrottlingException"],
  [{ kind: "throttle", code: "ProvisionedThroughputExceededException" }, 400, "ProvisionedThroughputExceededException"],
  [{ kind: "error" }, 500, "InternalServerError"],
  [{ kind: "error", code: "AccessDeniedException" }, 400, "AccessDeniedException"],
  [{ kind: "error", code: "InvalidImageFormatException" }, 400, "InvalidImageFormatException"],
  [{ kind: "error", code: "UnknownException", status: 503 }, 503, "UnknownException"],
]);

for (const [fault, status, expected] of FAULTS) {
  test(`the fault ${JSON.stringify(fault)} fails one call with ${expected}`, async () => {
    await control("faults", fault);
    const response = await call(WITH_BYTES);
    assert.deepEqual([response.status, await code(response)], [status, expected]);
    assert.equal((await call(WITH_BYTES)).status, 200);
    assert.deepEqual((await counts()).failed, { [expected]: 1 });
  });
}

test("faults apply in order, each for its number of calls", async () => {
  await control("faults", { kind: "throttle", next: 2 });
  await control("faults", { kind: "error", next: 1 });
  const codes = [];
  for (let calls = 0; calls < 4; calls += 1) codes.push(await code(await call(WITH_BYTES)));
  assert.deepEqual(codes, ["ThrottlingException", "ThrottlingException", "InternalServerError", "succeeded"]);
});

test("a fault for all calls applies until the reset", async () => {
  await control("faults", { kind: "throttle", all: true });
  const responses = await Promise.all(Array.from({ length: 5 }, () => call(WITH_BYTES)));
  assert.deepEqual(new Set(await Promise.all(responses.map(code))), new Set(["ThrottlingException"]));
});

test("a slow call does not delay other calls", async () => {
  await control("faults", { kind: "slow", delay_ms: 300 });
  const started = performance.now();
  const slow = call(WITH_BYTES).then(() => performance.now() - started);
  while ((await counts()).total === 0) await new Promise(setImmediate);
  await call(WITH_BYTES);
  assert.ok(performance.now() - started < 300);
  assert.ok((await slow) >= 295);
});

for (const fault of [{ kind: "explode" }, { kind: "throttle", next: "many" }, { kind: "throttle", next: 0 }, null]) {
  test(`the fault ${JSON.stringify(fault)} is rejected`, async () => {
    const response = await control("faults", fault);
    assert.deepEqual([response.status, await code(response)], [400, "BadFault"]);
  });
}

test("calls above the rate limit are throttled until tokens are available", async () => {
  await control("rate", { per_second: 2 });
  const three = [await call(WITH_BYTES), await call(WITH_BYTES), await call(WITH_BYTES)];
  assert.deepEqual(await Promise.all(three.map(code)), ["succeeded", "succeeded", "ProvisionedThroughputExceededException"]);
  assert.equal(three[2].status, 400);
  clock += 500;
  assert.deepEqual([await code(await call(WITH_BYTES)), await code(await call(WITH_BYTES))], ["succeeded", "ProvisionedThroughputExceededException"]);
});

for (const unlimited of [null, { per_second: null }]) {
  test(`the rate ${JSON.stringify(unlimited)} removes the limit`, async () => {
    await control("rate", { per_second: 1 });
    await control("rate", unlimited);
    const responses = await Promise.all(Array.from({ length: 5 }, () => call(WITH_BYTES)));
    assert.deepEqual(responses.map(({ status }) => status), [200, 200, 200, 200, 200]);
  });
}

test("a rate of 0 is rejected", async () => {
  assert.equal(await code(await control("rate", { per_second: 0 })), "BadRate");
});

test("with fixed labels, the response takes the configured time and detection is skipped", async () => {
  const dog = { Name: "Dog", Confidence: 99, Instances: [], Parents: [], Aliases: [], Categories: [] };
  await control("latency", { ms: 100, labels: [dog] });
  const started = performance.now();
  const { Labels } = await (await call(WITH_BYTES)).json();
  assert.deepEqual(Labels, [dog]);
  assert.ok(performance.now() - started >= 95);
  assert.equal(detector.detections, 0);
});

test("the latency null removes the fixed labels", async () => {
  await control("latency", { ms: 100, labels: [] });
  await control("latency", null);
  assert.equal((await (await call(WITH_BYTES)).json()).Labels[0].Name, "Cat");
});

test("a negative latency is rejected", async () => {
  assert.equal(await code(await control("latency", { ms: -1 })), "BadLatency");
});

test("the cache has a maximum size", async () => {
  const small = cached(detector, 1);
  for (const image of [IMAGE, OTHER, IMAGE]) await small.detect(image);
  assert.equal(detector.detections, 3);
});
