import { useEffect, useRef } from "preact/hooks";
import type { ScanController } from "../scan/controller";
import type { Entry } from "../scan/history";
import { isUnfinished, type ScanState } from "../scan/machine";
import { canRetry, type ScanStore } from "../scan/store";
import { RemoveButton } from "./RemoveButton";
import { ScanCard } from "./ScanCard";
import { UndoBar } from "./UndoBar";

export function ScanList({ controller, suggestions }: { controller: ScanController; suggestions: readonly string[] }) {
  const { store } = controller;
  const entries = store.entries.value;
  const heading = useRef<HTMLHeadingElement>(null);
  useScrollIntoView(store);
  const removeAndFocus = (remove: () => void) => {
    remove();
    // The focused button is gone. Without this, keyboard navigation would start again at the top of the page.
    heading.current?.focus();
  };
  const deleteAndFocus = async (deleting: Promise<void>) => {
    await deleting;
    // The user may have moved the focus in the meantime.
    requestAnimationFrame(() => document.activeElement === document.body && heading.current?.focus());
  };
  return (
    <section class="scans" aria-labelledby="scans">
      <div class="bar">
        <h2 id="scans" ref={heading} tabIndex={-1}>
          {summary(entries)}
        </h2>
        {entries.length > 0 && (
          <BulkActions
            controller={controller}
            onRemoveAll={() => removeAndFocus(() => controller.removeAll())}
            onDeleteAll={() => deleteAndFocus(controller.deleteAll())}
          />
        )}
        <Progress entries={entries} />
      </div>
      <UndoBar controller={controller} />
      <ol class="cards">
        {entries.map((entry) => (
          <li key={entry.scan.id}>
            <ScanCard
              entry={entry}
              suggestions={suggestions}
              focused={store.focusedEntry.value?.id === entry.scan.id}
              onCancel={() => controller.cancel(entry.scan.id)}
              onRetry={() => controller.retry(entry.scan.id)}
              onAsk={(question) => controller.askFollowUp(entry.scan.id, question)}
              deletion={store.deletions.value.get(entry.scan.id) ?? null}
              isSubmitted={() => controller.isSubmitted(entry.scan.id)}
              onRemove={() => removeAndFocus(() => controller.remove(entry.scan.id))}
              onDelete={() => deleteAndFocus(controller.deleteRequest(entry.scan.id))}
            />
          </li>
        ))}
      </ol>
    </section>
  );
}

interface BulkActionsProps {
  readonly controller: ScanController;
  readonly onRemoveAll: () => void;
  readonly onDeleteAll: () => void;
}

function BulkActions({ controller, onRemoveAll, onDeleteAll }: BulkActionsProps) {
  const entries = controller.store.entries.value;
  return (
    <div class="bulk-actions">
      {entries.some(({ scan }) => isUnfinished(scan)) && (
        <button type="button" onClick={() => controller.cancelAll()}>
          Cancel all
        </button>
      )}
      {entries.some(canRetry) && (
        <button type="button" onClick={() => controller.retryAll()}>
          Retry all
        </button>
      )}
      <RemoveButton
        text="Remove all"
        name="all images"
        isSubmitted={() => entries.some(({ scan }) => controller.isSubmitted(scan.id))}
        onRemove={onRemoveAll}
        onDelete={onDeleteAll}
      />
    </div>
  );
}

function Progress({ entries }: { entries: readonly Entry[] }) {
  const finished = entries.filter(({ scan }) => !isUnfinished(scan)).length;
  if (finished === entries.length) return null;
  return <progress aria-label="All images" max={entries.length} value={finished} />;
}

const SUMMARY_PARTS: readonly (readonly [string, readonly ScanState[]])[] = [
  ["done", ["completed"]],
  ["in progress", ["queued", "checking", "uploading", "scanning"]],
  ["failed", ["failed"]],
  ["cancelled", ["cancelled"]],
];

/** "2 done, 1 in progress" */
function summary(entries: readonly Entry[]): string {
  if (entries.length === 0) return "No images yet";
  const counts = SUMMARY_PARTS.map(([word, states]) => [
    entries.filter(({ scan }) => states.includes(scan.state)).length,
    word,
  ]);
  return counts
    .filter(([count]) => count)
    .map((part) => part.join(" "))
    .join(", ");
}

/** Scroll to the focused entry and move the keyboard focus to it. */
function useScrollIntoView({ focusedEntry }: ScanStore): void {
  const focused = focusedEntry.value;
  useEffect(() => {
    const card = focused && document.getElementById(focused.id);
    card?.scrollIntoView({ block: "center" });
    card?.focus({ preventScroll: true });
  }, [focused]);
}
