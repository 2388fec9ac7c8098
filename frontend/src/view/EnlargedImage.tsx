import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { CloseIcon } from "./icons";

interface Props {
  readonly name: string;
  /** Width divided by height. */
  readonly aspectRatio: number;
  readonly onClose: () => void;
  /** The image with its boxes. */
  readonly children: ComponentChildren;
}

/** An image is a panorama above this ratio of its longer side to its shorter side. */
const PANORAMA = 2.5;

/** Shows an image in the whole window. A panorama uses most of the height or width, and scrolls along its longer side. */
export function EnlargedImage({ name, aspectRatio, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const shape = aspectRatio > PANORAMA ? "wide" : aspectRatio < 1 / PANORAMA ? "tall" : "";
  return (
    <dialog ref={dialog} class={`enlarged ${shape}`} aria-label={`Enlarged: ${name}`} onClose={onClose}>
      <button type="button" class="overlay" aria-label="Close" onClick={() => dialog.current?.close()}>
        <CloseIcon />
      </button>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable area must be reachable by keyboard */}
      <section class="scroll" aria-label={name} tabIndex={0}>
        {children}
      </section>
    </dialog>
  );
}
