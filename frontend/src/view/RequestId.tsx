import { useState } from "preact/hooks";

/** The request's id, to be copied, and the link that opens it again. */
export function RequestId({ id }: { id: string }) {
  const [said, setSaid] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(id);
      setSaid("Copied");
    } catch {
      // No permission, or no secure context: the id is there to be selected by hand.
      setSaid("Copying is not allowed here");
    }
  };
  return (
    <p class="request small">
      <span>
        Request <code>{id}</code>
      </span>
      <button type="button" onClick={copy} aria-label="Copy the request's id">
        Copy
      </button>
      <a href={`?request=${encodeURIComponent(id)}`}>Link to this answer</a>
      <span role="status">{said}</span>
    </p>
  );
}
