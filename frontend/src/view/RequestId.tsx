import { useEffect, useState } from "preact/hooks";

const SAID_FOR = 2_500;

/** The request's id, to be copied, and the link that opens it again. */
export function RequestId({ id }: { id: string }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSaid(""), SAID_FOR);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(id);
      setSaid("Copied");
    } catch {
      // No permission, or no secure context: the id is there to be selected by hand.
      setSaid("Not allowed here");
    }
  };
  return (
    <div class="request small">
      <p>
        Request <code>{id}</code>
      </p>
      <button type="button" onClick={copy} aria-label="Copy the request's id">
        {said || "Copy"}
      </button>
      <a href={`?request=${encodeURIComponent(id)}`}>Link to this answer</a>
      <span class="unseen" role="status">
        {said}
      </span>
    </div>
  );
}
