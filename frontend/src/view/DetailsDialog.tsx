import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Props {
  /** The position of the image, from 1. */
  readonly position: number;
  readonly count: number;
  readonly onMove: (step: -1 | 1) => void;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** Shows an image of the overview with all details. The left and right arrow keys show its neighbours. */
export function DetailsDialog({ position, count, onMove, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    title.current?.focus();
  }, []);
  return (
    <dialog
      ref={dialog}
      class="details"
      aria-labelledby="details"
      onClose={onClose}
      onKeyDown={({ key, target }) => {
        const element = target as HTMLElement;
        const isInEnlargedImage = element.closest("dialog") !== dialog.current;
        if (isInEnlargedImage || element.matches("input, select, textarea")) return;
        if (key === "ArrowLeft") onMove(-1);
        if (key === "ArrowRight") onMove(1);
      }}
    >
      <header>
        <h2 id="details" ref={title} tabIndex={-1}>
          Image {position} of {count}
        </h2>
        <button type="button" disabled={position <= 1} onClick={() => onMove(-1)}>
          Previous
        </button>
        <button type="button" disabled={position >= count} onClick={() => onMove(1)}>
          Next
        </button>
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </header>
      {children}
    </dialog>
  );
}
