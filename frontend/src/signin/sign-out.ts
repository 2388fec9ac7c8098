import type { Session } from "./session";

/**
 * Sign out: delete the history of the user in this browser and revoke the refresh token. If one step fails, the other
 * one is still attempted. After a failure, call it again.
 *
 * @returns what failed, as sentences for the user
 */
export async function signOut(
  session: Pick<Session, "revoke">,
  deleteHistory: () => Promise<void>,
): Promise<readonly string[]> {
  const steps = [
    [session.revoke(), "The session could not be revoked and can be used until it expires."],
    [deleteHistory(), "Your images could not be deleted from this browser."],
  ] as const;
  const errors = steps.map(([step, description]) => step.then(() => [], explain(description)));
  return (await Promise.all(errors)).flat();
}

function explain(description: string): (error: unknown) => string[] {
  return (error) => [`${description} ${error instanceof Error ? error.message : error}`];
}
