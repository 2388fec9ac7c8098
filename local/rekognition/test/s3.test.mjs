import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { objectReader } from "../src/s3.mjs";

/** An S3 whose buckets are named after what they answer. */
const s3 = createServer((request, response) => {
  const [, bucket] = String(request.url).split("/");
  if (bucket === "huge") return response.writeHead(200, { "Content-Length": 15 * 1024 * 1024 + 1 }).flushHeaders();
  response.writeHead(Number(bucket) || 200).end(JSON.stringify({ url: request.url, signed: request.headers.authorization }));
}).listen(0, "127.0.0.1");
await once(s3, "listening");
after(() => {
  s3.close();
  s3.closeAllConnections();
});

const endpoint = `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (s3.address()).port}`;
const read = objectReader({ S3_ENDPOINT: endpoint, AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "secret" });
/** @param {import("../src/types.js").S3ObjectReference} object */
const asked = async (object) => JSON.parse(Buffer.from(await read(object)).toString());

test("an object is asked for by its bucket, its encoded key and its version", async () => {
  const { url } = await asked({ Bucket: "pics", Name: "images/a cat ü.jpg", Version: "v 1" });
  assert.equal(url, "/pics/images/a%20cat%20%C3%BC.jpg?versionId=v+1");
});

test("the request is signed with the keys of the environment", async () => {
  const { signed } = await asked({ Bucket: "pics", Name: "cat.jpg" });
  assert.match(signed, /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/us-east-1\/s3\/aws4_request/);
});

const ANSWERS = [
  { bucket: "404", what: "no object", code: "InvalidS3ObjectException" },
  { bucket: "403", what: "a refusal by S3", code: "InvalidS3ObjectException" },
  { bucket: "503", what: "an S3 in trouble", code: "InternalServerError" },
  { bucket: "huge", what: "an object over 15 MB", code: "ImageTooLargeException" },
];

for (const { bucket, what, code } of ANSWERS) {
  test(`${what} is ${code}`, () => assert.rejects(read({ Bucket: bucket, Name: "cat.jpg" }), { code }));
}

for (const [what, env] of /** @type {[string, Record<string, string>][]} */ ([
  ["an S3 that is not there", { S3_ENDPOINT: "http://127.0.0.1:1" }],
  ["no S3 endpoint at all", {}],
])) {
  test(`${what} is InternalServerError`, () =>
    assert.rejects(objectReader(env)({ Bucket: "pics", Name: "cat.jpg" }), { code: "InternalServerError" }));
}

test("the endpoint may come in the names the AWS tools use", async () => {
  for (const name of ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
    assert.ok((await objectReader({ [name]: `${endpoint}/` })({ Bucket: "pics", Name: "cat.jpg" })).length > 0);
});
