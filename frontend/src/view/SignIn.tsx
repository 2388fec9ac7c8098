import { useState } from "preact/hooks";
import { Logo } from "./icons";

interface Props {
  readonly error: string | null;
  /** Whether this browser keeps images of earlier sessions. */
  readonly hasSavedImages: boolean;
  readonly onSignIn: () => void;
  /** Delete the images of earlier sessions. Resolves with an error message, or null on success. */
  readonly onClear: () => Promise<string | null>;
}

/** Shown instead of the app until the user has signed in. */
export function SignIn({ error, hasSavedImages, onSignIn, onClear }: Props) {
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
      {hasSavedImages && <SavedImages onClear={onClear} />}
    </main>
  );
}

function SavedImages({ onClear }: Pick<Props, "onClear">) {
  const [status, setStatus] = useState<string | null>(null);
  const clear = async () => setStatus((await onClear()) ?? "The saved images are cleared.");
  return (
    <section class="saved-images" aria-label="Saved images">
      <p class="small">
        This browser keeps images of an earlier session. Only the same user can see them, after signing in again. If you
        clear them, images that were not submitted are lost.
      </p>
      <button type="button" onClick={clear}>
        Clear saved images
      </button>
      {status && (
        <p class="small" role="status">
          {status}
        </p>
      )}
    </section>
  );
}
