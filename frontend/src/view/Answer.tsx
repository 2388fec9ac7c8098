import { useEffect, useId, useState } from "preact/hooks";
import type { Label, ScanRequest, Verdict } from "../api/contract";
import { percent } from "../scan/words";
import { Further, type OnAsk } from "./Further";
import { type DrawnBox, Picture } from "./Picture";
import { Results } from "./Results";

interface Props {
  readonly request: ScanRequest;
  readonly further: readonly Verdict[];
  readonly name: string;
  readonly preview: Blob | null;
  readonly suggestions: readonly string[];
  readonly onAsk: OnAsk;
}

export function Answer({ request, further, name, preview, suggestions, onAsk }: Props) {
  const latest = further[0] ?? request;
  const [least, setLeast] = useState(firstLeast(latest));
  const [chosen, setChosen] = useState(spokenOf(latest));
  const [pointed, setPointed] = useState<string | null>(null);
  useEffect(() => {
    setLeast(firstLeast(latest));
    setChosen(spokenOf(latest));
  }, [latest]);
  const shown = request.labels.filter(({ confidence }) => confidence >= least);
  const lit = shown.find(({ name }) => name === (pointed ?? chosen));
  return (
    <>
      <Results verdict={request} />
      <Picture preview={preview} name={name} boxes={drawn(shown, lit)} />
      <Chips labels={shown} chosen={chosen} onChoose={setChosen} onPoint={setPointed} />
      <About label={lit} />
      <Least value={least} shown={shown.length} all={request.labels.length} onChange={setLeast} />
      <Further verdicts={further} name={name} suggestions={suggestions} onAsk={onAsk} />
      <details>
        <summary>Raw answer</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
        <section class="raw" aria-label="Raw answer" tabIndex={0}>
          <pre>{JSON.stringify(request, null, 2)}</pre>
        </section>
      </details>
    </>
  );
}

/** The label that the verdict speaks of first. */
function spokenOf({ match, nearest }: Verdict): string | null {
  return match?.label ?? nearest[0]?.name ?? null;
}

/** Half sure at least, to begin with; less where the answer itself speaks of less. */
function firstLeast({ match, nearest }: Verdict): number {
  return Math.floor(Math.min(50, (match ?? nearest[0])?.confidence ?? 0));
}

/** The lit label's boxes come last, and so lie on top. */
function drawn(labels: readonly Label[], lit: Label | undefined): DrawnBox[] {
  const boxesOf = (label: Label) =>
    label.boxes.map((box) => ({ box, caption: `${label.name} ${percent(box.confidence)}`, lit: label === lit }));
  return labels.flatMap(boxesOf).sort((one, other) => Number(one.lit) - Number(other.lit));
}

interface ChipsProps {
  readonly labels: readonly Label[];
  readonly chosen: string | null;
  readonly onChoose: (name: string | null) => void;
  readonly onPoint: (name: string | null) => void;
}

function Chips({ labels, chosen, onChoose, onPoint }: ChipsProps) {
  return (
    <ul class="chips" aria-label="What is in it">
      {labels.map(({ name, confidence, boxes }) => (
        <li key={name}>
          <button
            type="button"
            class={boxes.length ? "chip boxed" : "chip"}
            aria-pressed={name === chosen}
            onClick={() => onChoose(name === chosen ? null : name)}
            onMouseEnter={() => onPoint(name)}
            onMouseLeave={() => onPoint(null)}
            onFocus={() => onPoint(name)}
            onBlur={() => onPoint(null)}
          >
            {name} <b>{percent(confidence)}</b>
          </button>
        </li>
      ))}
    </ul>
  );
}

function About({ label }: { label: Label | undefined }) {
  if (!label) return <p class="about small">Point at a label to see where it is and what it belongs to.</p>;
  const facts = [
    ["is a kind of", label.parents],
    ["is also called", label.aliases],
    ["belongs to", label.categories],
  ] as const;
  const told = facts.filter(([, names]) => names.length).map(([relation, names]) => `${relation} ${names.join(", ")}`);
  return (
    <p class="about small">
      <b>{label.name}</b> {[...told, placesOf(label)].join("; ")}.
    </p>
  );
}

function placesOf({ boxes }: Label): string {
  if (boxes.length === 0) return "has no one place in the picture";
  return boxes.length === 1 ? "is seen once" : `is seen ${boxes.length} times`;
}

interface LeastProps {
  readonly value: number;
  readonly shown: number;
  readonly all: number;
  readonly onChange: (value: number) => void;
}

function Least({ value, shown, all, onChange }: LeastProps) {
  const id = useId();
  return (
    <div class="least">
      <label for={id}>
        Labels from {percent(value)}{" "}
        <span class="count">
          ({shown} of {all})
        </span>
      </label>
      <input
        id={id}
        type="range"
        min={0}
        max={100}
        value={value}
        onInput={(e) => onChange(e.currentTarget.valueAsNumber)}
      />
    </div>
  );
}
