import { useId, useRef, useState } from "preact/hooks";
import {
  confidenceError,
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
  /** Receives null while the API would reject the question. */
  readonly onChange: (question: Question | null) => void;
}

export function QuestionFields({ text, suggestions, onChange }: Props) {
  const list = useId();
  const { matchMode, minConfidence } = DEFAULT_QUESTION;
  const [values, setValues] = useState<FormValues>({ text, matchMode, confidence: String(minConfidence) });
  const latest = useRef(values);
  const update = (part: Partial<FormValues>) => {
    // Two fields can change before the next rendering.
    latest.current = { ...latest.current, ...part };
    setValues(latest.current);
    onChange(parseQuestion(latest.current));
  };
  const textError = useError(labelsError(values.text));
  const rangeError = useError(confidenceError(values.confidence));
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
          {...textError.attributes}
          onInput={({ currentTarget }) => update({ text: currentTarget.value })}
        />
      </label>
      {textError.message}
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
          placeholder={String(minConfidence)}
          value={values.confidence}
          {...rangeError.attributes}
          onInput={({ currentTarget: { value, validity } }) =>
            // For text that is not a number, the value is empty.
            update({ confidence: validity.badInput ? "not a number" : value })
          }
        />
      </label>
      {rangeError.message}
    </div>
  );
}

/** Return the message for an invalid field, and the attributes that connect the field to it. */
function useError(error: string | null) {
  const id = useId();
  if (error === null) return { message: null, attributes: { "aria-invalid": false } };
  const message = (
    <p class="error-message" id={id} role="alert">
      {error}
    </p>
  );
  return { message, attributes: { "aria-invalid": true, "aria-describedby": id } };
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
