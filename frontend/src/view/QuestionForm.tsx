import type { Signal } from "@preact/signals";
import type { Question } from "../scan/machine";
import { DEFAULT_QUESTION } from "./App";

interface Props {
  readonly question: Signal<Question>;
  readonly suggestions: readonly string[];
}

export function QuestionForm({ question, suggestions }: Props) {
  const change = (part: Partial<Question>) => {
    question.value = { ...question.value, ...part };
  };
  return (
    <div class="question">
      <label>
        <span>What to look for</span>
        <input
          list="suggestions"
          maxLength={100}
          autoComplete="off"
          autoCapitalize="none"
          placeholder={DEFAULT_QUESTION.label}
          defaultValue={question.value.label}
          onInput={({ currentTarget }) => change({ label: currentTarget.value.trim() || DEFAULT_QUESTION.label })}
        />
      </label>
      <datalist id="suggestions">
        {suggestions.map((label) => (
          <option key={label} value={label} />
        ))}
      </datalist>
      <label>
        <span>Confidence asked for, %</span>
        <input
          type="number"
          min={0}
          max={100}
          inputMode="numeric"
          defaultValue={String(question.value.minConfidence)}
          onInput={({ currentTarget }) => change({ minConfidence: confidence(currentTarget.value) })}
          onBlur={({ currentTarget }) => {
            currentTarget.value = String(question.value.minConfidence);
          }}
        />
      </label>
    </div>
  );
}

/** What the service takes: 0 to 100; what is no number asks for the default. */
function confidence(text: string): number {
  const number = text.trim() === "" ? Number.NaN : Number(text);
  return Number.isNaN(number) ? DEFAULT_QUESTION.minConfidence : Math.min(100, Math.max(0, number));
}
