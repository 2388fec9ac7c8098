import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { DecodedImages } from "../src/decoded-images.mjs";

const bytes = await readFile(new URL("../../../samples/cat-small.png", import.meta.url));

test("an image is decoded once", async () => {
  const images = new DecodedImages();
  assert.equal(await images.decode({ bytes, hash: "a" }), await images.decode({ bytes, hash: "a" }));
});

test("the last 8 images are kept", async () => {
  const images = new DecodedImages();
  const first = await images.decode({ bytes, hash: "0" });
  for (let hash = 1; hash < 8; hash += 1) await images.decode({ bytes, hash: `${hash}` });
  assert.equal(await images.decode({ bytes, hash: "0" }), first);
  await images.decode({ bytes, hash: "8" });
  assert.notEqual(await images.decode({ bytes, hash: "0" }), first);
});
