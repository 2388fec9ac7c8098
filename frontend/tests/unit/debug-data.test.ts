import { expect, it } from "vitest";
import { flatten } from "../../src/view/DebugData";

it("nested values are listed with their paths", () => {
  const data = { image_key: "images/a.jpg", image: { attempts: 1, lease: null, times: ["a", "b"], is_terminal: true } };
  expect(flatten(data)).toEqual([
    ["image_key", "images/a.jpg"],
    ["image.attempts", "1"],
    ["image.lease", "null"],
    ["image.times", '["a","b"]'],
    ["image.is_terminal", "true"],
  ]);
});
