import { HISTORY_LIMIT, type ScanStore } from "../scan/store";

/** What the user must know about the history of the page. */
export function Notices({ store }: { store: ScanStore }) {
  return (
    <div role="status">
      {store.historyError.value && <p class="notice">{historyMessage(store.historyError.value)}</p>}
      {store.trimmed.value > 0 && (
        <p class="notice info">
          {trimmedMessage(store.trimmed.value)}{" "}
          <button
            type="button"
            onClick={() => {
              store.trimmed.value = 0;
            }}
          >
            Dismiss
          </button>
        </p>
      )}
    </div>
  );
}

function historyMessage(reason: string): string {
  return `History is unavailable: ${reason} The page works, but images are lost when you close or reload it.`;
}

function trimmedMessage(count: number): string {
  const limit = HISTORY_LIMIT.toLocaleString("en");
  const [images, requests] =
    count === 1 ? ["The oldest image was", "its request"] : [`The ${count} oldest images were`, "their requests"];
  return `${images} removed from this page, which keeps ${limit} finished images. The service still has ${requests}.`;
}
