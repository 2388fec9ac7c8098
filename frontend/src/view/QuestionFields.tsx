import { useId, useState } from "preact/hooks";
import {
  DEFAULT_QUESTION,
  type FormValues,
  HIGHEST_CONFIDENCE,
  LOWEST_CONFIDENCE,
  labelsError,
  type MatchMode,
  parseLabels,
  parseQuestion,
  type Question,
} from "../core/question";

interface Props {
  /** Initial value of the label field. */
  readonly text: string;
  readonly suggestions: readonly string[];
  readonly onChange: (question: Question) => void;
}

export function QuestionFields({ text, suggestions, onChange }: Props) {
  const list = useId();
  const errorId = useId();
  const { matchMode, minConfidence } = DEFAULT_QUESTION;
  const [values, setValues] = useState<FormValues>({ text, matchMode, confidence: String(minConfidence) });
  const update = (part: Partial<FormValues>) => {
    const updated = { ...values, ...part };
    setValues(updated);
    onChange(parseQuestion(updated));
  };
  const error = labelsError(values.text);
  return (
    <div class="question">
      <label>
        <span>
          What to look for <small>comma-separated</small>
        </span>
        <input
          list={list}
          maxLength={1_000}
          autoComplete="off"
          autoCapitalize="none"
          placeholder={DEFAULT_QUESTION.labels.join(", ")}
          value={values.text}
          aria-invalid={error !== null}
          aria-describedby={error === null ? undefined : errorId}
          onInput={({ currentTarget }) => update({ text: currentTarget.value })}
        />
      </label>
      {error && (
        <p class="error-message" id={errorId} role="alert">
          {error}
        </p>
      )}
      <datalist id={list}>
        {suggestions.map((label) => (
          <option key={label} value={`${textBeforeLastLabel(values.text)}${label}`} />
        ))}
      </datalist>
      {parseLabels(values.text).length > 1 && (
        <MatchModeField value={values.matchMode} onChange={(matchMode) => update({ matchMode })} />
      )}
      <label>
        <span>Minimum confidence (%)</span>
        <input
          type="number"
          min={LOWEST_CONFIDENCE}
          max={HIGHEST_CONFIDENCE}
          inputMode="numeric"
          value={values.confidence}
          onInput={({ currentTarget }) => update({ confidence: currentTarget.value })}
          onBlur={() => update({ confidence: String(parseQuestion(values).minConfidence) })}
        />
      </label>
    </div>
  );
}

/** Return the labels before the last comma, because a suggestion replaces only the label after it. */
function textBeforeLastLabel(text: string): string {
  const comma = text.lastIndexOf(",");
  return comma < 0 ? "" : `${text.slice(0, comma)}, `;
}

const MATCH_MODES: readonly MatchMode[] = ["any", "all", "none"];

function MatchModeField({ value, onChange }: { value: MatchMode; onChange: (value: MatchMode) => void }) {
  return (
    <label class="match-mode">
      <span>Match</span>
      <select value={value} onChange={({ currentTarget }) => onChange(currentTarget.value as MatchMode)}>
        {MATCH_MODES.map((mode) => (
          <option key={mode} value={mode}>
            {mode}
          </option>
        ))}
      </select>
    </label>
  );
}
