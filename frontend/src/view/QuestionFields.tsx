import { useId, useState } from "preact/hooks";
import type { MatchMode } from "../api/contract";
import {
  DEFAULT_QUESTION,
  HIGHEST_CONFIDENCE,
  LOWEST_CONFIDENCE,
  labelsIn,
  type Question,
  questionOf,
  type Typed,
} from "../scan/question";

interface Props {
  /** What is typed in to begin with. */
  readonly text: string;
  readonly suggestions: readonly string[];
  readonly onChange: (question: Question) => void;
}

export function QuestionFields({ text, suggestions, onChange }: Props) {
  const list = useId();
  const { match, minConfidence } = DEFAULT_QUESTION;
  const [typed, setTyped] = useState<Typed>({ text, match, confidence: String(minConfidence) });
  const change = (part: Partial<Typed>) => {
    const changed = { ...typed, ...part };
    setTyped(changed);
    onChange(questionOf(changed));
  };
  return (
    <div class="question">
      <label>
        <span>
          What to look for <small>one thing, or several with commas</small>
        </span>
        <input
          list={list}
          maxLength={1_000}
          autoComplete="off"
          autoCapitalize="none"
          placeholder={DEFAULT_QUESTION.labels.join(", ")}
          value={typed.text}
          onInput={({ currentTarget }) => change({ text: currentTarget.value })}
        />
      </label>
      <datalist id={list}>
        {suggestions.map((label) => (
          <option key={label} value={`${earlier(typed.text)}${label}`} />
        ))}
      </datalist>
      {labelsIn(typed.text).length > 1 && <HowMany match={typed.match} onChange={(match) => change({ match })} />}
      <label>
        <span>Confidence asked for, %</span>
        <input
          type="number"
          min={LOWEST_CONFIDENCE}
          max={HIGHEST_CONFIDENCE}
          inputMode="numeric"
          value={typed.confidence}
          onInput={({ currentTarget }) => change({ confidence: currentTarget.value })}
          onBlur={() => change({ confidence: String(questionOf(typed).minConfidence) })}
        />
      </label>
    </div>
  );
}

/** What was typed before the last comma: a suggestion is for the label that follows. */
function earlier(typed: string): string {
  const comma = typed.lastIndexOf(",");
  return comma < 0 ? "" : `${typed.slice(0, comma)}, `;
}

const MODES: readonly MatchMode[] = ["any", "all", "none"];

function HowMany({ match, onChange }: { match: MatchMode; onChange: (match: MatchMode) => void }) {
  return (
    <label class="how-many">
      <span>A yes takes</span>
      <select value={match} onChange={({ currentTarget }) => onChange(currentTarget.value as MatchMode)}>
        {MODES.map((mode) => (
          <option key={mode} value={mode}>
            {mode} of them
          </option>
        ))}
      </select>
    </label>
  );
}
