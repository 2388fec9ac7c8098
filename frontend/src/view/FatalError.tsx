/** Shown instead of the page when it cannot start. */
export function FatalError({ error }: { error: unknown }) {
  return (
    <main class="page fatal-error">
      <h1>The page could not start</h1>
      <p role="alert">{String(error instanceof Error ? error.message : error)}</p>
      <button type="button" class="primary" onClick={() => location.reload()}>
        Try again
      </button>
    </main>
  );
}
