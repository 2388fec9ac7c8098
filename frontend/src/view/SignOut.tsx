import { Logo } from "./icons";

interface Props {
  /** What failed, or null while the sign-out is in progress. */
  readonly errors: readonly string[] | null;
  readonly onRetry: () => void;
  /** Continue although something failed. */
  readonly onContinue: () => void;
}

/** Shown from the click on "Sign out" until the page is left. */
export function SignOut({ errors, onRetry, onContinue }: Props) {
  return (
    <main class="page">
      <header class="top">
        <Logo />
        <h1>{errors ? "Sign-out is incomplete" : "Signing out…"}</h1>
      </header>
      {errors && (
        <>
          <div class="notice" role="alert">
            {errors.map((error) => (
              <p key={error}>{error}</p>
            ))}
          </div>
          <div class="sign-out-actions">
            <button type="button" class="primary" onClick={onRetry}>
              Try again
            </button>
            <button type="button" onClick={onContinue}>
              Sign out anyway
            </button>
          </div>
        </>
      )}
    </main>
  );
}
