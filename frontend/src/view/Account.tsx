import type { Session } from "../signin/session";

interface Props {
  readonly session: Session;
  readonly onSignIn: () => void;
  readonly onSignOut: () => void;
}

/** A sign-out button, or a notice with a sign-in button when the session has expired. */
export function Account({ session, onSignIn, onSignOut }: Props) {
  if (session.signedIn.value)
    return (
      <button type="button" class="account" title="Also clears the images on this page" onClick={onSignOut}>
        Sign out
      </button>
    );
  return (
    <p class="notice account" role="alert">
      Your session has expired. Uploads resume after you sign in.{" "}
      <button type="button" onClick={onSignIn}>
        Sign in
      </button>
    </p>
  );
}
