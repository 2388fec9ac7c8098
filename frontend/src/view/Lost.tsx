/** What people see when the page could not even begin. */
export function Lost({ error }: { error: unknown }) {
  return (
    <main class="page lost">
      <h1>The page could not start</h1>
      <p role="alert">{String(error instanceof Error ? error.message : error)}</p>
      <button type="button" class="primary" onClick={() => location.reload()}>
        Try again
      </button>
    </main>
  );
}
