import { CopyButton } from "./CopyButton";

/** The request ID with a copy button, and a link that opens the request. */
export function RequestId({ id }: { id: string }) {
  return (
    <div class="request small">
      <p>
        Request <code>{id}</code>
      </p>
      <CopyButton text="Copy" name="Copy request ID" value={id} />
      <a href={`?request=${encodeURIComponent(id)}`}>Link to this result</a>
    </div>
  );
}
