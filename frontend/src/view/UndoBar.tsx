import { countOrName } from "../scan/announcer";
import type { ScanController } from "../scan/controller";

/** Offers to undo the last removal. */
export function UndoBar({ controller }: { controller: ScanController }) {
  const removed = controller.store.undoable.value;
  if (removed.length === 0) return null;
  return (
    <section class="undo" aria-label="Removed images">
      <p>{countOrName(removed.map(({ scan }) => scan))} removed.</p>
      <button type="button" onClick={() => controller.undoRemoval()}>
        Undo
      </button>
      <button type="button" onClick={() => controller.dismissUndo()}>
        Dismiss
      </button>
    </section>
  );
}
