/** @import { Analyses, CallCounts, Fault, ImageContent, OperationName, S3ObjectReference, Vision } from "../src/types.js" */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { afterEach, beforeEach, test } from "node:test";
import { cached } from "../src/analysis-cache.mjs";
import { createApp } from "../src/app.mjs";
import { RekognitionEmulator } from "../src/emulator.mjs";
import { invalidS3Object } from "../src/errors.mjs";

const sha256 = (/** @type {Uint8Array} */ bytes) => createHash("sha256").update(bytes).digest("hex");
const IMAGE = Buffer.from([0xff, 0xd8, 0xff, 1, 2, 3]);
const OTHER = Buffer.from([0xff, 0xd8, 0xff, 4, 5, 6]);
const WITH_BYTES = { Image: { Bytes: IMAGE.toString("base64") } };

/**
 * Models that find a cat in every image and count their runs.
 * @implements {Vision}
 */
class FakeVision {
  runs = 0;

  /** @template {keyof Analyses} Task @param {Task} task @param {ImageContent} _image @returns {Promise<Analyses[Task]>} */
  async analyze(task, _image) {
    this.runs += 1;
    return ANALYSES[task];
  }
}

/** @type {Analyses} */
const ANALYSES = {
  objects: [{ index: 15, score: 0.65, box: { Left: 0, Top: 0, Width: 1, Height: 1 } }],
  classes: new Float32Array(1000),
  content: [{ drawing: 0, hentai: 0, neutral: 0.1, porn: 0.9, sexy: 0 }],
  text: [],
  thumbnail: { width: 1, height: 1, pixels: new Uint8Array([255, 0, 0]) },
};
const NO_CALLS = { total: 0, succeeded: 0, by_image: {}, failed: {} };

const OBJECTS = /** @type {Record<string, Buffer>} */ ({ "images/cat.jpg": IMAGE, "images/note.txt": Buffer.from("hello") });
const readObject = async (/** @type {S3ObjectReference} */ { Name }) => {
  if (!OBJECTS[Name]) throw invalidS3Object();
  return OBJECTS[Name];
};

/** @type {FakeVision} */ let vision;
/** @type {import("node:http").Server} */ let server;
/** @type {number} */ let clock;

beforeEach(async () => {
  vision = new FakeVision();
  clock = 0;
  const emulator = new RekognitionEmulator({ vision: cached(vision), readObject, now: () => clock });
  server = createApp(emulator).listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

const OPERATIONS = ["DetectLabels", "DetectModerationLabels", "DetectText"];

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
const allCounts = async () => (await fetch(`${baseUrl()}/_control/calls`)).json();
/** @returns {Promise<CallCounts>} */
const counts = async () => {
  const { by_operation, ...sums } = await allCounts();
  return sums;
};
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
  ["an unknown feature", { ...WITH_BYTES, Features: ["FACES"] }, "InvalidParameterException"],
  ["an unknown setting", { ...WITH_BYTES, Settings: { Faces: {} } }, "InvalidParameterException"],
  ["an unknown filter", { ...WITH_BYTES, Settings: { GeneralLabels: { NameFilters: [] } } }, "InvalidParameterException"],
  ["more than 100 filters", { ...WITH_BYTES, Settings: { GeneralLabels: { LabelInclusionFilters: Array(101).fill("Cat") } } }, "InvalidParameterException"],
  ["a filter of 51 characters", { ...WITH_BYTES, Settings: { GeneralLabels: { LabelInclusionFilters: ["x".repeat(51)] } } }, "InvalidParameterException"],
  ["a MinConfidence without GENERAL_LABELS", { ...WITH_BYTES, Features: ["IMAGE_PROPERTIES"], MinConfidence: 50 }, "InvalidParameterException"],
  ["a number of colours without IMAGE_PROPERTIES", { ...WITH_BYTES, Settings: { ImageProperties: { MaxDominantColors: 3 } } }, "InvalidParameterException"],
  ["more than 20 colours", { ...WITH_BYTES, Features: ["IMAGE_PROPERTIES"], Settings: { ImageProperties: { MaxDominantColors: 21 } } }, "InvalidParameterException"],
  ["more than 5 MB of bytes", { Image: { Bytes: Buffer.alloc(5 * 1024 * 1024 + 1, IMAGE).toString("base64") } }, "ImageTooLargeException"],
  ["an object that is not an image", withObject({ Name: "images/note.txt" }), "InvalidImageFormatException"],
]);

for (const [what, body, expected] of REJECTED) {
  test(`${what} is rejected with ${expected}`, async () => {
    const response = await call(body);
    assert.deepEqual([response.status, await code(response)], [400, expected]);
    assert.equal(vision.runs, 0);
  });
}

const PROJECT_VERSION = "arn:aws:rekognition:us-east-1:123456789012:project/beach/version/1/1700000000000";
const HUMAN_LOOP = { HumanLoopName: "loop", FlowDefinitionArn: "arn:aws:sagemaker:us-east-1:123456789012:flow-definition/x" };
const REJECTED_MODERATION = /** @type {[string, object, string][]} */ ([
  ["a MinConfidence below 0", { MinConfidence: -1 }, "InvalidParameterException"],
  ["a human loop", { HumanLoopConfig: HUMAN_LOOP }, "InvalidParameterException"],
  ["a ProjectVersion that is no ARN", { ProjectVersion: "adapter" }, "InvalidParameterException"],
  ["an adapter", { ProjectVersion: PROJECT_VERSION }, "ResourceNotFoundException"],
]);

for (const [what, options, expected] of REJECTED_MODERATION) {
  test(`moderation with ${what} is rejected with ${expected}`, async () => {
    const response = await call({ ...WITH_BYTES, ...options }, "DetectModerationLabels");
    assert.deepEqual([response.status, await code(response)], [400, expected]);
  });
}

test("every operation rejects a missing image", async () => {
  const responses = await Promise.all(OPERATIONS.map((operation) => call({}, operation)));
  assert.deepEqual(await Promise.all(responses.map(code)), OPERATIONS.map(() => "InvalidParameterException"));
});

test("moderation has a MinConfidence of 50 by default", async () => {
  const { ModerationLabels, ...rest } = await (await call(WITH_BYTES, "DetectModerationLabels")).json();
  assert.deepEqual(rest, { ModerationModelVersion: "7.0", ContentTypes: [] });
  assert.deepEqual(ModerationLabels.map((/** @type {{ Name: string }} */ { Name }) => Name), ["Explicit", "Explicit Nudity"]);
  const strict = await (await call({ ...WITH_BYTES, MinConfidence: 90 }, "DetectModerationLabels")).json();
  assert.deepEqual(strict.ModerationLabels, []);
});

test("the feature IMAGE_PROPERTIES returns quality and colours instead of labels", async () => {
  const response = await (await call({ ...WITH_BYTES, Features: ["IMAGE_PROPERTIES"] })).json();
  assert.deepEqual(Object.keys(response), ["LabelModelVersion", "ImageProperties"]);
  assert.deepEqual(Object.keys(response.ImageProperties), ["Quality", "DominantColors", "Foreground"]);
});

test("both features return labels whose instances have colours", async () => {
  const { Labels, ImageProperties } = await (await call({ ...WITH_BYTES, Features: ["GENERAL_LABELS", "IMAGE_PROPERTIES"] })).json();
  assert.equal(Labels[0].Instances[0].DominantColors[0].CSSColor, "red");
  assert.ok(ImageProperties.Quality);
});

test("5 MB of bytes are accepted", async () => {
  assert.equal((await call({ Image: { Bytes: Buffer.alloc(5 * 1024 * 1024, IMAGE).toString("base64") } })).status, 200);
});

for (const Features of [[], ["GENERAL_LABELS"]])
  test(`the features ${JSON.stringify(Features)} return labels only`, async () => {
    const response = await (await call({ ...WITH_BYTES, Features, Settings: {} })).json();
    assert.deepEqual(Object.keys(response), ["Labels", "LabelModelVersion"]);
  });

for (const path of ["health", "_control/health"])
  test(`GET /${path} reports that the server is ready`, async () => {
    const response = await fetch(`${baseUrl()}/${path}`);
    assert.deepEqual([response.status, await response.json()], [200, { status: "ok" }]);
  });

test("other operations are rejected", async () => {
  const response = await call(WITH_BYTES, "DetectFaces");
  assert.deepEqual([response.status, await code(response)], [400, "UnknownOperationException"]);
});

test("a model error returns 500 and is not cached", async () => {
  const original = vision.analyze;
  vision.analyze = () => Promise.reject(new Error("out of memory"));
  assert.equal((await call(WITH_BYTES)).status, 500);
  vision.analyze = original;
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
  assert.equal(vision.runs, 4); // the objects and the classes of two images
});

test("calls are counted per operation, and all operations are always present", async () => {
  await call(WITH_BYTES);
  await Promise.all([call(WITH_BYTES, "DetectText"), call({}, "DetectText")]);
  const once = { total: 1, succeeded: 1, by_image: { [sha256(IMAGE)]: 1 }, failed: {} };
  assert.deepEqual(await allCounts(), {
    total: 3,
    succeeded: 2,
    by_image: { [sha256(IMAGE)]: 2 },
    failed: { InvalidParameterException: 1 },
    by_operation: {
      DetectLabels: once,
      DetectModerationLabels: NO_CALLS,
      DetectText: { ...once, total: 2, failed: { InvalidParameterException: 1 } },
    },
  });
});

test("the operations share the results of the models", async () => {
  for (const operation of OPERATIONS) await call(WITH_BYTES, operation);
  assert.equal(vision.runs, 4); // objects, classes, content and text
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
  assert.deepEqual(await counts(), NO_CALLS);
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

test("a fault for one operation does not affect the others", async () => {
  await control("faults", { kind: "throttle", operation: "DetectText" });
  const operations = ["DetectLabels", "DetectText", "DetectText"];
  const codes = [];
  for (const operation of operations) codes.push(await code(await call(WITH_BYTES, operation)));
  assert.deepEqual(codes, ["succeeded", "ThrottlingException", "succeeded"]);
});

test("a fault without an operation applies to the next call of any", async () => {
  await control("faults", { kind: "throttle" });
  assert.equal(await code(await call(WITH_BYTES, "DetectModerationLabels")), "ThrottlingException");
  assert.equal((await call(WITH_BYTES)).status, 200);
});

for (const path of ["faults", "rate", "latency"]) {
  test(`an unknown operation is rejected by ${path}`, async () => {
    const response = await control(path, { kind: "throttle", per_second: 1, ms: 1, operation: "DetectFaces" });
    assert.deepEqual([response.status, await code(response)], [400, "BadOperation"]);
  });
}

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

test("each operation has its own rate limit", async () => {
  await control("rate", { per_second: 1 });
  const responses = await Promise.all(OPERATIONS.map((operation) => call(WITH_BYTES, operation)));
  assert.deepEqual(responses.map(({ status }) => status), [200, 200, 200]);
});

test("a rate limit for one operation does not affect the others", async () => {
  await control("rate", { per_second: 1, operation: "DetectText" });
  const [, text, ...labels] = [await call(WITH_BYTES, "DetectText"), await call(WITH_BYTES, "DetectText"), await call(WITH_BYTES), await call(WITH_BYTES)];
  assert.equal(await code(text), "ProvisionedThroughputExceededException");
  assert.deepEqual(labels.map(({ status }) => status), [200, 200]);
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
  assert.equal(vision.runs, 0);
});

const FIXED = /** @type {[string, string, string, object[]][]} */ ([
  ["DetectModerationLabels", "moderation_labels", "ModerationLabels", [{ Confidence: 80, Name: "Alcohol", ParentName: "", TaxonomyLevel: 1 }]],
  ["DetectText", "text_detections", "TextDetections", [{ Id: 0, Type: "LINE", DetectedText: "STOP", Confidence: 99 }]],
]);

for (const [operation, field, member, results] of FIXED) {
  test(`fixed results replace those of ${operation}`, async () => {
    await control("latency", { ms: 0, [field]: results });
    assert.deepEqual((await (await call(WITH_BYTES, operation)).json())[member], results);
    assert.equal(vision.runs, 0);
  });
}

test("a latency for one operation does not affect the others", async () => {
  await control("latency", { ms: 200, operation: "DetectText" });
  const started = performance.now();
  await call(WITH_BYTES);
  assert.ok(performance.now() - started < 195);
  await call(WITH_BYTES, "DetectText");
  assert.ok(performance.now() - started >= 195);
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
  const small = cached(vision, 1);
  for (const bytes of [IMAGE, OTHER, IMAGE]) await small.analyze("objects", { bytes, hash: sha256(bytes) });
  assert.equal(vision.runs, 3);
});
