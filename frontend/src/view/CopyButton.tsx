import { useEffect, useState } from "preact/hooks";

const FEEDBACK_MS = 2_500;

/** Copies text to the clipboard and states whether that worked. */
export function CopyButton({ text, name, value }: { text: string; name: string; value: string }) {
  const [feedback, setFeedback] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setFeedback(""), FEEDBACK_MS);
    return () => clearTimeout(timer);
  }, [feedback]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
      setFeedback("Copied");
    } catch {
      // Without permission or a secure context, the user can still select the text.
      setFeedback("Copy failed");
    }
  };
  return (
    <>
      <button type="button" onClick={copy} aria-label={name}>
        {feedback || text}
      </button>
      <span class="visually-hidden" role="status">
        {feedback}
      </span>
    </>
  );
}
