import { useState } from "preact/hooks";
import type { ScanRequest, Verdict } from "../api/types";
import { type ErrorInfo, ScanError } from "../core/errors";
import {
  type Feature,
  INITIAL_TERMS,
  missingFeatures,
  parseQuestion,
  type Question,
  withTermsOnly,
} from "../core/question";
import { formatError, formatFeatures, formatQuestion, formatVerdict, questionOf } from "../scan/format";
import { initialValues, QuestionFields, type Suggestions } from "./QuestionFields";
import { TermResults } from "./TermResults";

/** Asks a follow-up question. Rejects with a ScanError if it is not answered. */
export type OnAsk = (question: Question) => Promise<void>;

/** Scans the image for the features of a question, as a new scan. @throws ScanError if it must be added again */
export type OnScan = (question: Question) => void;

interface Props {
  /** Latest first. */
  readonly verdicts: readonly Verdict[];
  readonly request: ScanRequest;
  readonly name: string;
  readonly suggestions: Suggestions;
  readonly onAsk: OnAsk;
  readonly onScan: OnScan;
}

/** Follow-up questions about a completed scan and their results. */
export function FollowUps({ verdicts, request: { labels, features }, ...form }: Props) {
  return (
    <>
      {verdicts.length > 0 && (
        <ul class="follow-ups" aria-label="Follow-up results">
          {verdicts.map((verdict, index) => (
            <li key={verdicts.length - index} class={verdict.label_matched ? "found" : "missed"}>
              <b>{formatVerdict(verdict, labels)}</b>
              <p class="small">{formatQuestion(questionOf(verdict))}</p>
              <TermResults verdict={verdict} labels={labels} />
            </li>
          ))}
        </ul>
      )}
      <details>
        <summary>Ask a follow-up question</summary>
        <FollowUpForm scanned={features} {...form} />
      </details>
    </>
  );
}

const NO_TERMS: ErrorInfo = { kind: "rejected", message: "Enter what to look for.", retryable: false };

type FormProps = Omit<Props, "verdicts" | "request"> & { readonly scanned: readonly Feature[] };

function FollowUpForm({ scanned, name, suggestions, onAsk, onScan }: FormProps) {
  const initial = { features: scanned.slice(0, 1), terms: INITIAL_TERMS };
  const [question, setQuestion] = useState(parseQuestion(initialValues(initial)));
  const [isAsking, setAsking] = useState(false);
  const [error, setError] = useState<ErrorInfo | null>(null);
  const [rejected, setRejected] = useState<Question | null>(null);
  const ask = async () => {
    if (question === null) return;
    const asked = withTermsOnly(question, scanned);
    if (asked.features.length === 0) return setError(NO_TERMS);
    setAsking(true);
    const failure = await errorOf(() => onAsk(asked));
    setError(failure);
    setRejected(question);
    setAsking(false);
  };
  const scan = async (question: Question) => setError(await errorOf(() => onScan(question)));
  return (
    <form
      class="follow-up-form"
      aria-label={`Follow-up question about ${name}`}
      onSubmit={(event) => {
        event.preventDefault();
        if (!isAsking) ask();
      }}
    >
      <QuestionFields initial={initial} suggestions={suggestions} needsScan={false} onChange={setQuestion} />
      <button type="submit" aria-disabled={isAsking}>
        {isAsking ? "Asking…" : "Ask"}
      </button>
      {error?.kind === "not_scanned" && rejected ? (
        <ScanOffer missing={missingFeatures(rejected, scanned)} onScan={() => scan(rejected)} />
      ) : (
        error && (
          <p class="error-message" role="alert">
            {error === NO_TERMS ? error.message : formatError(error)}
          </p>
        )
      )}
    </form>
  );
}

function ScanOffer({ missing, onScan }: { missing: readonly Feature[]; onScan: () => void }) {
  return (
    <div class="scan-offer">
      <p role="alert">
        The image was not scanned for {formatFeatures(missing)}.{" "}
        {missing.length === 1 ? "The scan is" : "The scans are"} charged.
      </p>
      <button type="button" onClick={onScan}>
        Scan for {missing.length === 1 ? "this feature" : "these features"}
      </button>
    </div>
  );
}

/** Wait for an action. Return its error, or null on success. */
async function errorOf(act: () => Promise<void> | void): Promise<ErrorInfo | null> {
  try {
    await act();
    return null;
  } catch (error) {
    if (error instanceof ScanError) return error.info;
    throw error;
  }
}
