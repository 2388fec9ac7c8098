import assert from "node:assert/strict";
import { test } from "node:test";
import { rejectWebPages } from "../src/origin-check.mjs";

const HOST = "127.0.0.1:4570";
const REJECTED = { code: "AccessDeniedException", status: 403 };

for (const host of [HOST, "localhost:4570", "LOCALHOST", "[::1]:4570", "host.docker.internal:4570"])
  test(`a tool can call ${host}`, () => rejectWebPages({ headers: { host } }));

test("a user can open a URL in a browser", () => rejectWebPages({ headers: { host: HOST, "sec-fetch-site": "none" } }));

for (const host of [undefined, "", "attacker.example", "127.0.0.1.attacker.example:4570", "192.168.1.2:4570", "x@localhost"])
  test(`the host ${host} is rejected`, () => assert.throws(() => rejectWebPages({ headers: { host } }), REJECTED));

for (const origin of ["http://attacker.example", "http://localhost:3000", `http://${HOST}`, "null", ""])
  test(`a page at "${origin}" is rejected`, () => assert.throws(() => rejectWebPages({ headers: { host: HOST, origin } }), REJECTED));

for (const site of ["cross-site", "same-site", "same-origin"])
  test(`an image or a link of a ${site} page is rejected`, () =>
    assert.throws(() => rejectWebPages({ headers: { host: HOST, "sec-fetch-site": site } }), REJECTED));
