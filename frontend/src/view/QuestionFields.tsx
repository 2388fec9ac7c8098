import { useId, useRef, useState } from "preact/hooks";
import {
  confidenceError,
  DEFAULT_QUESTION,
  FEATURES,
  type Feature,
  type FormValues,
  HIGHEST_CONFIDENCE,
  LOWEST_CONFIDENCE,
  type MatchMode,
  parseQuestion,
  type Question,
  termsError,
  termsOf,
} from "../core/question";

/** Names that are suggested for each feature. */
export type Suggestions = Readonly<Record<Feature, readonly string[]>>;

interface Props {
  readonly initial: Pick<FormValues, "features" | "terms">;
  readonly suggestions: Suggestions;
  /** Whether the question needs a scan of each feature. A follow-up question is answered without one. */
  readonly needsScan: boolean;
  /** Receives null while the API would reject the question. */
  readonly onChange: (question: Question | null) => void;
}

export function QuestionFields({ initial, suggestions, needsScan, onChange }: Props) {
  const [values, setValues] = useState(initialValues(initial));
  const latest = useRef(values);
  const update = (part: Partial<FormValues>) => {
    // Two fields can change before the next rendering.
    latest.current = { ...latest.current, ...part };
    setValues(latest.current);
    onChange(parseQuestion(latest.current));
  };
  const { features, terms, matchMode, confidence } = values;
  const rangeError = useError(confidenceError(confidence));
  const placeholderOf = (feature: Feature) => {
    const hasDefault = feature === "labels" && features.length === 1;
    return hasDefault ? DEFAULT_QUESTION.labels.join(", ") : needsScan ? "Scan without a question" : "";
  };
  return (
    <div class="question">
      <FeatureFields
        selected={features}
        needsScan={needsScan}
        onChange={(selected) => update({ features: selected })}
      />
      {features.map((feature) => (
        <TermsField
          key={feature}
          feature={feature}
          placeholder={placeholderOf(feature)}
          value={terms[feature]}
          suggestions={suggestions[feature]}
          onChange={(text) => update({ terms: { ...latest.current.terms, [feature]: text } })}
        />
      ))}
      {features.flatMap((feature) => termsOf(values, feature)).length > 1 && (
        <MatchModeField value={matchMode} onChange={(changed) => update({ matchMode: changed })} />
      )}
      <label>
        <span>Minimum confidence (%)</span>
        <input
          type="number"
          min={LOWEST_CONFIDENCE}
          max={HIGHEST_CONFIDENCE}
          inputMode="numeric"
          placeholder={String(DEFAULT_QUESTION.minConfidence)}
          value={confidence}
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

/** Return the form at first, with the default match mode and confidence. */
export function initialValues(initial: Props["initial"]): FormValues {
  const { matchMode, minConfidence } = DEFAULT_QUESTION;
  return { ...initial, matchMode, confidence: String(minConfidence) };
}

const FEATURE_NAMES: Readonly<Record<Feature, string>> = { labels: "Labels", moderation: "Moderation", text: "Text" };

interface FeatureFieldsProps {
  readonly selected: readonly Feature[];
  readonly needsScan: boolean;
  readonly onChange: (selected: readonly Feature[]) => void;
}

function FeatureFields({ selected, needsScan, onChange }: FeatureFieldsProps) {
  const { attributes, message } = useError(selected.length === 0 ? "Select at least one." : null);
  const toggle = (feature: Feature) => {
    const isSelected = (other: Feature) => selected.includes(other) !== (other === feature);
    onChange(FEATURES.filter(isSelected));
  };
  return (
    <fieldset class="features">
      <legend>Look for {needsScan && <small>each is one scan per image</small>}</legend>
      {FEATURES.map((feature) => (
        <label key={feature} class="feature">
          <input
            type="checkbox"
            checked={selected.includes(feature)}
            {...attributes}
            onChange={() => toggle(feature)}
          />
          {FEATURE_NAMES[feature]}
        </label>
      ))}
      {message}
    </fieldset>
  );
}

const TERM_FIELDS: Readonly<Record<Feature, { readonly name: string; readonly hint: string }>> = {
  labels: { name: "Labels to find", hint: "comma-separated" },
  moderation: { name: "Moderation labels to find", hint: "comma-separated, * for any" },
  text: { name: "Text to find", hint: "words or phrases, comma-separated" },
};

interface TermsFieldProps {
  readonly feature: Feature;
  readonly placeholder: string;
  /** Comma-separated terms. */
  readonly value: string;
  readonly suggestions: readonly string[];
  readonly onChange: (value: string) => void;
}

function TermsField({ feature, placeholder, value, suggestions, onChange }: TermsFieldProps) {
  const list = useId();
  const { attributes, message } = useError(termsError(feature, value));
  const { name, hint } = TERM_FIELDS[feature];
  return (
    <>
      <label class="terms">
        <span>
          {name} <small>{hint}</small>
        </span>
        <input
          list={list}
          maxLength={1_000}
          autoComplete="off"
          autoCapitalize="none"
          placeholder={placeholder}
          value={value}
          {...attributes}
          onInput={({ currentTarget }) => onChange(currentTarget.value)}
        />
      </label>
      {message}
      <datalist id={list}>
        {suggestions.map((term) => (
          <option key={term} value={`${textBeforeLastTerm(value)}${term}`} />
        ))}
      </datalist>
    </>
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

/** Return the terms before the last comma, because a suggestion replaces only the term after it. */
function textBeforeLastTerm(text: string): string {
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
