import { useEffect, useRef, useState } from "preact/hooks";

interface Props {
  readonly text: string;
  /** What is removed, for screen readers. */
  readonly name: string;
  /** Whether the service has something to delete. If not, a click removes without a question. */
  readonly isSubmitted: () => boolean;
  readonly onRemove: () => void;
  readonly onDelete: () => void;
}

/** A button that asks whether to delete on the service too. */
export function RemoveButton({ text, name, isSubmitted, onRemove, onDelete }: Props) {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <>
      <button
        type="button"
        ref={button}
        aria-label={`${text}: ${name}`}
        aria-expanded={isOpen}
        onClick={() => (isOpen ? close() : isSubmitted() ? setOpen(true) : onRemove())}
      >
        {text}
      </button>
      {isOpen && (
        <Choice
          name={name}
          onRemove={() => {
            setOpen(false);
            onRemove();
          }}
          onDelete={() => {
            close();
            onDelete();
          }}
          onClose={close}
        />
      )}
    </>
  );
}

type ChoiceProps = Pick<Props, "name" | "onRemove" | "onDelete"> & { readonly onClose: () => void };

function Choice({ name, onRemove, onDelete, onClose }: ChoiceProps) {
  const group = useRef<HTMLFieldSetElement>(null);
  useEffect(() => group.current?.querySelector("button")?.focus(), []);
  return (
    <fieldset
      ref={group}
      class="choice"
      aria-label={`Remove ${name}`}
      onKeyDown={({ key }) => key === "Escape" && onClose()}
    >
      <p class="small">The service keeps the image and the result until they expire, unless you delete them.</p>
      <button type="button" onClick={onRemove}>
        Remove from this page
      </button>
      <button type="button" onClick={onDelete}>
        Delete from the service too
      </button>
      <button type="button" onClick={onClose}>
        Keep
      </button>
    </fieldset>
  );
}
