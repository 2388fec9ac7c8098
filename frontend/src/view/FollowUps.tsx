import { useRef, useState } from "preact/hooks";
import type { Label, Verdict } from "../api/types";
import { ScanError } from "../core/errors";
import { DEFAULT_QUESTION, type Question } from "../core/question";
import { formatError, formatQuestion, formatVerdict, questionOf } from "../scan/format";
import { LabelResults } from "./LabelResults";
import { QuestionFields } from "./QuestionFields";

/** Asks a follow-up question. Rejects with a ScanError if it is not answered. */
export type OnAsk = (question: Question) => Promise<void>;

interface Props {
  /** Latest first. */
  readonly verdicts: readonly Verdict[];
  /** All labels of the image. */
  readonly labels: readonly Label[];
  readonly name: string;
  readonly suggestions: readonly string[];
  readonly onAsk: OnAsk;
}

/** Follow-up questions about a completed scan and their results. */
export function FollowUps({ verdicts, labels, name, suggestions, onAsk }: Props) {
  return (
    <>
      {verdicts.length > 0 && (
        <ul class="follow-ups" aria-label="Follow-up results">
          {verdicts.map((verdict, index) => (
            <li key={verdicts.length - index} class={verdict.label_matched ? "found" : "missed"}>
              <b>{formatVerdict(verdict, labels)}</b>
              <p class="small">{formatQuestion(questionOf(verdict))}</p>
              <LabelResults verdict={verdict} labels={labels} />
            </li>
          ))}
        </ul>
      )}
      <details>
        <summary>Ask a follow-up question</summary>
        <FollowUpForm name={name} suggestions={suggestions} onAsk={onAsk} />
      </details>
    </>
  );
}

function FollowUpForm({ name, suggestions, onAsk }: Omit<Props, "verdicts" | "labels">) {
  const question = useRef<Question | null>(DEFAULT_QUESTION);
  const [isAsking, setAsking] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const ask = async () => {
    if (question.current === null) return;
    setAsking(true);
    setError(await errorOf(onAsk(question.current)));
    setAsking(false);
  };
  return (
    <form
      class="follow-up-form"
      aria-label={`Follow-up question about ${name}`}
      onSubmit={(event) => {
        event.preventDefault();
        if (!isAsking) ask();
      }}
    >
      <QuestionFields
        text=""
        suggestions={suggestions}
        onChange={(changed) => {
          question.current = changed;
        }}
      />
      <button type="submit" aria-disabled={isAsking}>
        {isAsking ? "Asking…" : "Ask"}
      </button>
      {error && (
        <p class="error-message" role="alert">
          {error}
        </p>
      )}
    </form>
  );
}

/** Wait for a question to be answered. Return the error message, or null on success. */
async function errorOf(asking: Promise<void>): Promise<string | null> {
  try {
    await asking;
    return null;
  } catch (error) {
    if (error instanceof ScanError) return formatError(error.info);
    throw error;
  }
}
