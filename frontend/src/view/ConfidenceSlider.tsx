import { useId } from "preact/hooks";
import { formatThreshold } from "../scan/format";

interface Props {
  /** Percent. */
  readonly value: number;
  readonly onChange: (value: number) => void;
  /** Shown after the label, or null. */
  readonly count?: string | null;
}

/** Hides labels below a confidence. */
export function ConfidenceSlider({ value, onChange, count = null }: Props) {
  const id = useId();
  return (
    <div class="confidence-slider">
      <label for={id}>
        Labels at {formatThreshold(value)} or higher {count && <span class="count">({count})</span>}
      </label>
      <input
        id={id}
        type="range"
        min={0}
        max={100}
        value={value}
        onInput={({ currentTarget }) => onChange(currentTarget.valueAsNumber)}
      />
    </div>
  );
}
