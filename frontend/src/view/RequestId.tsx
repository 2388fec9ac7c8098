import { useEffect, useState } from "preact/hooks";

const FEEDBACK_MS = 2_500;

/** The request ID with a copy button, and a link that opens the request. */
export function RequestId({ id }: { id: string }) {
  const [feedback, setFeedback] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setFeedback(""), FEEDBACK_MS);
    return () => clearTimeout(timer);
  }, [feedback]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(id);
      setFeedback("Copied");
    } catch {
      // Without permission or a secure context, the user can still select the ID.
      setFeedback("Copy failed");
    }
  };
  return (
    <div class="request small">
      <p>
        Request <code>{id}</code>
      </p>
      <button type="button" onClick={copy} aria-label="Copy request ID">
        {feedback || "Copy"}
      </button>
      <a href={`?request=${encodeURIComponent(id)}`}>Link to this result</a>
      <span class="visually-hidden" role="status">
        {feedback}
      </span>
    </div>
  );
}
