import { Logo } from "./icons";

/** Shown instead of the app until the user has signed in. */
export function SignIn({ error, onSignIn }: { error: string | null; onSignIn: () => void }) {
  return (
    <main class="page">
      <header class="top">
        <Logo />
        <h1>Is it in the picture?</h1>
        <p>Sign in to continue.</p>
      </header>
      {error && (
        <p class="notice" role="alert">
          {error}
        </p>
      )}
      <button type="button" class="primary" onClick={onSignIn}>
        Sign in
      </button>
    </main>
  );
}
