import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { normalizeLabel } from "../../src/core/labels";

interface Row {
  readonly label: string;
  /** Null if the label is invalid. */
  readonly normalised: string | null;
  readonly why: string;
}

/** The API is tested with the same table. */
const TABLE = new URL("../../../tests/data/label_normalisation.json", import.meta.url);
const rows = JSON.parse(readFileSync(TABLE, "utf8")) as readonly Row[];

it.each(rows)("$label is compared as $normalised: $why", ({ label, normalised }) => {
  expect(normalizeLabel(label)).toBe(normalised);
});

it("a normalized label does not change when it is normalized again", () => {
  for (const { normalised } of rows) if (normalised !== null) expect(normalizeLabel(normalised)).toBe(normalised);
});
