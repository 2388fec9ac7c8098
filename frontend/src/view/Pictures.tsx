import { useEffect, useRef } from "preact/hooks";
import type { Entry } from "../history";
import { canRetry, type Desk } from "../scan/desk";
import { isUnfinished, type State } from "../scan/machine";
import { Card } from "./Card";

export function Pictures({ desk, suggestions }: { desk: Desk; suggestions: readonly string[] }) {
  const entries = desk.entries.value;
  const heading = useRef<HTMLHeadingElement>(null);
  useShow(desk);
  const forget = (act: () => void) => {
    act();
    // The button that had the focus is gone; without this it would start again at the top of the page.
    heading.current?.focus();
  };
  return (
    <section class="pictures" aria-labelledby="pictures">
      <div class="bar">
        <h2 id="pictures" ref={heading} tabIndex={-1}>
          {summary(entries)}
        </h2>
        {entries.length > 0 && <Bulk desk={desk} onForgetAll={() => forget(() => desk.forgetAll())} />}
        <Progress entries={entries} />
      </div>
      <ol class="cards">
        {entries.map((entry) => (
          <li key={entry.scan.id}>
            <Card
              entry={entry}
              suggestions={suggestions}
              pointedAt={desk.pointedAt.value?.id === entry.scan.id}
              onCancel={() => desk.cancel(entry.scan.id)}
              onRetry={() => desk.retry(entry.scan.id)}
              onAsk={(question) => desk.askMore(entry.scan.id, question)}
              onForget={() => forget(() => desk.forget(entry.scan.id))}
            />
          </li>
        ))}
      </ol>
    </section>
  );
}

function Bulk({ desk, onForgetAll }: { desk: Desk; onForgetAll: () => void }) {
  const entries = desk.entries.value;
  return (
    <div class="bulk">
      {entries.some(({ scan }) => isUnfinished(scan)) && (
        <button type="button" onClick={() => desk.cancelAll()}>
          Cancel all
        </button>
      )}
      {entries.some(canRetry) && (
        <button type="button" onClick={() => desk.retryAll()}>
          Try all again
        </button>
      )}
      <button type="button" onClick={onForgetAll}>
        Forget all
      </button>
    </div>
  );
}

function Progress({ entries }: { entries: readonly Entry[] }) {
  const done = entries.filter(({ scan }) => !isUnfinished(scan)).length;
  if (done === entries.length) return null;
  return <progress aria-label="All pictures" max={entries.length} value={done} />;
}

const PARTS: readonly (readonly [string, readonly State[]])[] = [
  ["answered", ["answered"]],
  ["under way", ["queued", "checking", "sending", "waiting"]],
  ["not answered", ["failed"]],
  ["cancelled", ["cancelled"]],
];

/** "2 answered, 1 under way" */
function summary(entries: readonly Entry[]): string {
  if (entries.length === 0) return "No pictures yet";
  const counts = PARTS.map(([word, states]) => [
    entries.filter(({ scan }) => states.includes(scan.state)).length,
    word,
  ]);
  return counts
    .filter(([count]) => count)
    .map((part) => part.join(" "))
    .join(", ");
}

/** Brings the entry that the desk points at into sight and gives it the focus. */
function useShow({ pointedAt }: Desk): void {
  const pointed = pointedAt.value;
  useEffect(() => {
    const card = pointed && document.getElementById(pointed.id);
    card?.scrollIntoView({ block: "center" });
    card?.focus({ preventScroll: true });
  }, [pointed]);
}
