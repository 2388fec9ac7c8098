/** @import { Detection, Fault, S3ObjectReference, Taxonomy } from "../src/types.js" */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, test } from "node:test";
import { createApp } from "../src/app.mjs";
import { invalidS3Object } from "../src/errors.mjs";
import { remembered, sha256 } from "../src/remembered.mjs";
import { StandIn } from "../src/stand-in.mjs";

const taxonomy = /** @type {Taxonomy} */ (JSON.parse(await readFile(new URL("../src/taxonomy.json", import.meta.url), "utf8")));
const PICTURE = Buffer.from([0xff, 0xd8, 0xff, 1, 2, 3]);
const OTHER = Buffer.from([0xff, 0xd8, 0xff, 4, 5, 6]);
const WITH_BYTES = { Image: { Bytes: PICTURE.toString("base64") } };

/** Sees a cat in every picture, and counts its looks. */
class FakeDetector {
  looks = 0;

  /** @param {Uint8Array} _image @returns {Promise<Detection[]>} */
  async detect(_image) {
    this.looks += 1;
    return [{ index: 15, score: 0.65, box: { Left: 0, Top: 0, Width: 1, Height: 1 } }];
  }
}

const OBJECTS = /** @type {Record<string, Buffer>} */ ({ "images/cat.jpg": PICTURE, "images/note.txt": Buffer.from("hello") });
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
  const standIn = new StandIn({ detector: remembered(detector), readObject, taxonomy, now: () => clock });
  server = createApp(standIn).listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

const address = () => `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`;
/** @param {unknown} body @param {string} [operation] */
const call = (body, operation = "DetectLabels") =>
  fetch(`${address()}/`, {
    method: "POST",
    headers: { "X-Amz-Target": `RekognitionService.${operation}`, "Content-Type": "application/x-amz-json-1.1" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
/** @param {string} path @param {unknown} [body] */
const control = (path, body) => fetch(`${address()}/_control/${path}`, { method: "POST", body: JSON.stringify(body) });
const counts = async () => (await fetch(`${address()}/_control/calls`)).json();
/** @param {Response} response */
const code = async (response) => (await response.json()).__type ?? "answered";

test("an S3 object is answered in the form boto3 reads", async () => {
  const response = await call({ Image: { S3Object: { Bucket: "pics", Name: "images/cat.jpg" } } });
  const body = await response.json();
  assert.equal(response.headers.get("content-type"), "application/x-amz-json-1.1");
  assert.match(String(response.headers.get("x-amzn-requestid")), /^[0-9a-f-]{36}$/);
  assert.deepEqual(Object.keys(body), ["Labels", "LabelModelVersion"]);
  assert.deepEqual(Object.keys(body.Labels[0]), ["Name", "Confidence", "Instances", "Parents", "Aliases", "Categories"]);
  assert.equal(body.LabelModelVersion, "3.0");
});

test("bytes are answered as an S3 object is", async () => {
  const [bytes, object] = await Promise.all([call(WITH_BYTES), call({ Image: { S3Object: { Bucket: "pics", Name: "images/cat.jpg" } } })]);
  assert.deepEqual(await bytes.json(), await object.json());
});

test("an error is named in the body and in the header", async () => {
  const response = await call({ Image: { S3Object: { Bucket: "pics", Name: "images/gone.jpg" } } });
  const { __type, Message } = await response.json();
  assert.deepEqual([response.status, __type], [400, "InvalidS3ObjectException"]);
  assert.equal(response.headers.get("x-amzn-errortype"), "InvalidS3ObjectException");
  assert.match(Message, /Check object key/);
});

const withObject = (/** @type {object} */ object) => ({ Image: { S3Object: { Bucket: "pics", Name: "images/cat.jpg", ...object } } });
const REFUSED = /** @type {[string, unknown, string][]} */ ([
  ["what is not JSON", "{", "SerializationException"],
  ["what is not an object", "7", "InvalidParameterException"],
  ["no image", {}, "InvalidParameterException"],
  ["neither bytes nor an object", { Image: {} }, "InvalidParameterException"],
  ["both bytes and an object", { Image: { ...WITH_BYTES.Image, ...withObject({}).Image } }, "InvalidParameterException"],
  ["bytes that are a number", { Image: { Bytes: 7 } }, "InvalidParameterException"],
  ["a short bucket name", withObject({ Bucket: "no" }), "InvalidParameterException"],
  ["an empty key", withObject({ Name: "" }), "InvalidParameterException"],
  ["an empty version", withObject({ Version: "" }), "InvalidParameterException"],
  ["a negative MaxLabels", { ...WITH_BYTES, MaxLabels: -1 }, "InvalidParameterException"],
  ["a MinConfidence above 100", { ...WITH_BYTES, MinConfidence: 101 }, "InvalidParameterException"],
  ["a feature it lacks", { ...WITH_BYTES, Features: ["IMAGE_PROPERTIES"] }, "InvalidParameterException"],
  ["settings", { ...WITH_BYTES, Settings: { GeneralLabels: {} } }, "InvalidParameterException"],
  ["more than 5 MB of bytes", { Image: { Bytes: Buffer.alloc(5 * 1024 * 1024 + 1, PICTURE).toString("base64") } }, "ImageTooLargeException"],
  ["an object that is no picture", withObject({ Name: "images/note.txt" }), "InvalidImageFormatException"],
]);

for (const [what, body, expected] of REFUSED) {
  test(`${what} is refused with ${expected}`, async () => {
    const response = await call(body);
    assert.deepEqual([response.status, await code(response)], [400, expected]);
    assert.equal(detector.looks, 0);
  });
}

test("5 MB of bytes are taken", async () => {
  assert.equal((await call({ Image: { Bytes: Buffer.alloc(5 * 1024 * 1024, PICTURE).toString("base64") } })).status, 200);
});

test("the features every caller gets may be named", async () => {
  assert.equal((await call({ ...WITH_BYTES, Features: ["GENERAL_LABELS"], Settings: {} })).status, 200);
});

test("another operation is unknown", async () => {
  const response = await call(WITH_BYTES, "DetectFaces");
  assert.deepEqual([response.status, await code(response)], [400, "UnknownOperationException"]);
});

test("a broken detector is the service's fault and leaves nothing remembered", async () => {
  const works = detector.detect;
  detector.detect = () => Promise.reject(new Error("out of memory"));
  assert.equal((await call(WITH_BYTES)).status, 500);
  detector.detect = works;
  assert.equal((await call(WITH_BYTES)).status, 200);
});

test("every call is counted, each picture is looked at once", async () => {
  const other = { Image: { Bytes: OTHER.toString("base64") } };
  await Promise.all([call(WITH_BYTES), call(WITH_BYTES), call(other), call({})]);
  assert.deepEqual(await counts(), {
    total: 4,
    succeeded: 3,
    by_image: { [sha256(PICTURE)]: 2, [sha256(OTHER)]: 1 },
    failed: { InvalidParameterException: 1 },
  });
  assert.equal(detector.looks, 2);
});

test("a reset forgets counts and faults", async () => {
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
  [{ kind: "error", code: "NeverHeardOfException", status: 503 }, 503, "NeverHeardOfException"],
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

test("faults come one after another, each as often as asked", async () => {
  await control("faults", { kind: "throttle", next: 2 });
  await control("faults", { kind: "error", next: 1 });
  const codes = [];
  for (let calls = 0; calls < 4; calls += 1) codes.push(await code(await call(WITH_BYTES)));
  assert.deepEqual(codes, ["ThrottlingException", "ThrottlingException", "InternalServerError", "answered"]);
});

test("a fault for all stays", async () => {
  await control("faults", { kind: "throttle", all: true });
  const responses = await Promise.all(Array.from({ length: 5 }, () => call(WITH_BYTES)));
  assert.deepEqual(new Set(await Promise.all(responses.map(code))), new Set(["ThrottlingException"]));
});

test("a slow call is answered, later; others are not held up", async () => {
  await control("faults", { kind: "slow", delay_ms: 300 });
  const started = performance.now();
  const slow = call(WITH_BYTES).then(() => performance.now() - started);
  while ((await counts()).total === 0) await new Promise(setImmediate);
  await call(WITH_BYTES);
  assert.ok(performance.now() - started < 300);
  assert.ok((await slow) >= 295);
});

for (const fault of [{ kind: "explode" }, { kind: "throttle", next: "many" }, { kind: "throttle", next: 0 }, null]) {
  test(`the fault ${JSON.stringify(fault)} is refused`, async () => {
    const response = await control("faults", fault);
    assert.deepEqual([response.status, await code(response)], [400, "BadFault"]);
  });
}

test("over the rate a call fails as in an account at its limit, and passes a moment later", async () => {
  await control("rate", { per_second: 2 });
  const three = [await call(WITH_BYTES), await call(WITH_BYTES), await call(WITH_BYTES)];
  assert.deepEqual(await Promise.all(three.map(code)), ["answered", "answered", "ProvisionedThroughputExceededException"]);
  assert.equal(three[2].status, 400);
  clock += 500;
  assert.deepEqual([await code(await call(WITH_BYTES)), await code(await call(WITH_BYTES))], ["answered", "ProvisionedThroughputExceededException"]);
});

for (const lifted of [null, { per_second: null }]) {
  test(`the rate ${JSON.stringify(lifted)} lifts the limit`, async () => {
    await control("rate", { per_second: 1 });
    await control("rate", lifted);
    const responses = await Promise.all(Array.from({ length: 5 }, () => call(WITH_BYTES)));
    assert.deepEqual(responses.map(({ status }) => status), [200, 200, 200, 200, 200]);
  });
}

test("a rate of nothing is refused", async () => {
  assert.equal(await code(await control("rate", { per_second: 0 })), "BadRate");
});

test("with fixed labels an answer takes the time asked for and no picture is looked at", async () => {
  const dog = { Name: "Dog", Confidence: 99, Instances: [], Parents: [], Aliases: [], Categories: [] };
  await control("latency", { ms: 100, labels: [dog] });
  const started = performance.now();
  const { Labels } = await (await call(WITH_BYTES)).json();
  assert.deepEqual(Labels, [dog]);
  assert.ok(performance.now() - started >= 95);
  assert.equal(detector.looks, 0);
});

test("the latency null takes the labels back", async () => {
  await control("latency", { ms: 100, labels: [] });
  await control("latency", null);
  assert.equal((await (await call(WITH_BYTES)).json()).Labels[0].Name, "Cat");
});

test("a negative latency is refused", async () => {
  assert.equal(await code(await control("latency", { ms: -1 })), "BadLatency");
});

test("what is remembered is bounded", async () => {
  const small = remembered(detector, 1);
  for (const image of [PICTURE, OTHER, PICTURE]) await small.detect(image);
  assert.equal(detector.looks, 3);
});
