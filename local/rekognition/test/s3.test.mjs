import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { objectReader } from "../src/s3.mjs";

/** A fake S3. The name of a bucket is the status code of its response. */
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
const readJson = async (object) => JSON.parse(Buffer.from(await read(object)).toString());

test("an object is requested by its bucket, encoded key and version", async () => {
  const { url } = await readJson({ Bucket: "pics", Name: "images/a cat ü.jpg", Version: "v 1" });
  assert.equal(url, "/pics/images/a%20cat%20%C3%BC.jpg?versionId=v+1");
});

test("the request is signed with the credentials of the environment", async () => {
  const { signed } = await readJson({ Bucket: "pics", Name: "cat.jpg" });
  assert.match(signed, /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/us-east-1\/s3\/aws4_request/);
});

const RESPONSES = [
  { bucket: "404", what: "a missing object", code: "InvalidS3ObjectException" },
  { bucket: "403", what: "an access error of S3", code: "InvalidS3ObjectException" },
  { bucket: "503", what: "a server error of S3", code: "InternalServerError" },
  { bucket: "huge", what: "an object above 15 MB", code: "ImageTooLargeException" },
];

for (const { bucket, what, code } of RESPONSES) {
  test(`${what} gives ${code}`, () => assert.rejects(read({ Bucket: bucket, Name: "cat.jpg" }), { code }));
}

for (const [what, env] of /** @type {[string, Record<string, string>][]} */ ([
  ["an unreachable S3 endpoint", { S3_ENDPOINT: "http://127.0.0.1:1" }],
  ["a missing S3 endpoint", {}],
])) {
  test(`${what} gives InternalServerError`, () =>
    assert.rejects(objectReader(env)({ Bucket: "pics", Name: "cat.jpg" }), { code: "InternalServerError" }));
}

test("the endpoint is also read from the variables of the AWS SDKs", async () => {
  for (const name of ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
    assert.ok((await objectReader({ [name]: `${endpoint}/` })({ Bucket: "pics", Name: "cat.jpg" })).length > 0);
});
