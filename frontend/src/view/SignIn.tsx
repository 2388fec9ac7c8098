import { Logo } from "./icons";

/** What people see of a service that wants to know its callers, before they sign in. */
export function SignIn({ problem, onSignIn }: { problem: string | null; onSignIn: () => void }) {
  return (
    <main class="page">
      <header class="top">
        <Logo />
        <h1>Is it in the picture?</h1>
        <p>This service answers people who have signed in.</p>
      </header>
      {problem && (
        <p class="notice" role="alert">
          {problem}
        </p>
      )}
      <button type="button" class="primary" onClick={onSignIn}>
        Sign in
      </button>
    </main>
  );
}
