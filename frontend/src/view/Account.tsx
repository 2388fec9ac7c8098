import type { Session } from "../signin/session";

interface Props {
  readonly session: Session;
  readonly onSignIn: () => void;
  readonly onSignOut: () => void;
}

/** The way out for who is signed in, and back in for whose sign-in has ended. */
export function Account({ session, onSignIn, onSignOut }: Props) {
  if (session.signedIn.value)
    return (
      <button type="button" class="account" title="This also forgets the pictures on this page" onClick={onSignOut}>
        Sign out
      </button>
    );
  return (
    <p class="notice account" role="alert">
      Your sign-in has ended. What is on its way goes on once you are back.{" "}
      <button type="button" onClick={onSignIn}>
        Sign in
      </button>
    </p>
  );
}
