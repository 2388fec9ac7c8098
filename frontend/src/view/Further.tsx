import { useRef, useState } from "preact/hooks";
import type { Verdict } from "../api/contract";
import { ScanProblem } from "../scan/problem";
import { DEFAULT_QUESTION, type Question } from "../scan/question";
import { inWords, problemTitle, questionIn, verdict } from "../scan/words";
import { QuestionFields } from "./QuestionFields";
import { Results } from "./Results";

/** Rejects with the ScanProblem that kept the question from being answered. */
export type OnAsk = (question: Question) => Promise<void>;

interface Props {
  /** Latest first. */
  readonly verdicts: readonly Verdict[];
  readonly name: string;
  readonly suggestions: readonly string[];
  readonly onAsk: OnAsk;
}

/** More questions about a picture that was answered, and their answers. */
export function Further({ verdicts, name, suggestions, onAsk }: Props) {
  return (
    <>
      {verdicts.length > 0 && (
        <ul class="further" aria-label="Further answers">
          {verdicts.map((one, index) => (
            <li key={verdicts.length - index} class={one.label_matched ? "found" : "missed"}>
              <b>{verdict(one)}</b>
              <p class="small">asked for {inWords(questionIn(one))}</p>
              <Results verdict={one} />
            </li>
          ))}
        </ul>
      )}
      <details>
        <summary>Ask another question</summary>
        <AskForm name={name} suggestions={suggestions} onAsk={onAsk} />
      </details>
    </>
  );
}

function AskForm({ name, suggestions, onAsk }: Omit<Props, "verdicts">) {
  const question = useRef(DEFAULT_QUESTION);
  const [asking, setAsking] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  const ask = async () => {
    setAsking(true);
    setTrouble(await troubleOf(onAsk(question.current)));
    setAsking(false);
  };
  return (
    <form
      class="ask-more"
      aria-label={`Ask another question about ${name}`}
      onSubmit={(event) => {
        event.preventDefault();
        if (!asking) ask();
      }}
    >
      <QuestionFields
        text=""
        suggestions={suggestions}
        onChange={(typed) => {
          question.current = typed;
        }}
      />
      <button type="submit" aria-disabled={asking}>
        {asking ? "Asking …" : "Ask"}
      </button>
      {trouble && (
        <p class="setback" role="alert">
          {trouble}
        </p>
      )}
    </form>
  );
}

async function troubleOf(asked: Promise<void>): Promise<string | null> {
  try {
    await asked;
    return null;
  } catch (error) {
    if (error instanceof ScanProblem) return `${problemTitle(error.problem.kind)}: ${error.message}`;
    throw error;
  }
}
