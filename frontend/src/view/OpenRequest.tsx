import { useId, useState } from "preact/hooks";

interface Props {
  /** An ID that the link to the page contained and that is invalid, or an empty string. */
  readonly invalidId: string;
  readonly onOpen: (requestId: string) => void;
}

/** Opens a request by its ID, or by a link to its result. */
export function OpenRequest({ invalidId, onOpen }: Props) {
  const [text, setText] = useState(invalidId);
  const errorId = useId();
  const id = parseRequestId(text);
  const isInvalid = text.trim() !== "" && id === null;
  return (
    <details class="open-request" open={invalidId !== ""}>
      <summary>Open a request by its ID</summary>
      <form
        aria-label="Open a request"
        onSubmit={(event) => {
          event.preventDefault();
          if (id === null) return;
          setText("");
          onOpen(id);
        }}
      >
        <label>
          <span>Request ID or link</span>
          <input
            value={text}
            autoComplete="off"
            spellcheck={false}
            aria-invalid={isInvalid}
            aria-describedby={isInvalid ? errorId : undefined}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </label>
        <button type="submit">Open</button>
        {isInvalid && (
          <p class="error-message" id={errorId} role="alert">
            A request ID has 36 characters, such as c94d2e3a-392f-4bd6-a90c-be3b742eaf6f.
          </p>
        )}
      </form>
    </details>
  );
}

const ID = /(?:^|[?&]request=)([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})(?:$|[&#])/i;

/** Find a request ID in text, which is an ID or a link. Return null if there is none. */
export function parseRequestId(text: string): string | null {
  return ID.exec(text.trim())?.[1]?.toLowerCase() ?? null;
}
