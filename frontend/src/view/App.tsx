import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { Desk } from "../scan/desk";
import { DEFAULT_QUESTION } from "../scan/question";
import { Intake } from "./Intake";
import { Logo } from "./icons";
import { Pictures } from "./Pictures";
import { QuestionFields } from "./QuestionFields";

export function App({ desk, account = null }: { desk: Desk; account?: ComponentChildren }) {
  const question = useSignal(DEFAULT_QUESTION);
  const suggestions = labelsSeen(desk);
  return (
    <>
      <main class="page">
        <header class="top">
          <Logo />
          <h1>Is it in the picture?</h1>
          <p>Name something, add pictures, and read whether they show it, and what else.</p>
          {account}
        </header>
        <section class="ask" aria-label="Ask">
          <QuestionFields
            text={DEFAULT_QUESTION.labels.join(", ")}
            suggestions={suggestions}
            onChange={(typed) => {
              question.value = typed;
            }}
          />
          <Intake onFiles={(files) => desk.add(files, question.value)} />
        </section>
        {desk.historyTrouble.value && <p class="notice">{desk.historyTrouble.value}</p>}
        <Pictures desk={desk} suggestions={suggestions} />
      </main>
      <div class="unseen" role="log" aria-live="polite" aria-label="News">
        {desk.spoken.value.map(({ id, text }) => (
          <p key={id}>{text}</p>
        ))}
      </div>
    </>
  );
}

function labelsSeen(desk: Desk): string[] {
  const answers = desk.entries.value.flatMap(({ scan }) => (scan.state === "answered" ? scan.request.labels : []));
  return [...new Set(answers.map(({ name }) => name.toLowerCase()))].sort();
}
