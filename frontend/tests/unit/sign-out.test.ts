import { expect, it } from "vitest";
import { signOut } from "../../src/signin/sign-out";

const succeed = async () => {};
const fail = async () => {
  throw new Error("No network.");
};

it.each([
  ["everything succeeds", succeed, succeed, []],
  [
    "the revocation fails",
    fail,
    succeed,
    ["The session could not be revoked and can be used until it expires. No network."],
  ],
  ["the deletion fails", succeed, fail, ["Your images could not be deleted from this browser. No network."]],
])("if %s, sign-out attempts both steps and returns the errors", async (_, revoke, deleteHistory, errors) => {
  const attempted: string[] = [];
  const record = (step: string, run: () => Promise<void>) => () => {
    attempted.push(step);
    return run();
  };
  const result = await signOut({ revoke: record("revoke", revoke) }, record("delete", deleteHistory));
  expect(result).toEqual(errors);
  expect(attempted).toEqual(["revoke", "delete"]);
});
