import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { DEFAULT_QUESTION } from "../core/question";
import type { ScanController } from "../scan/controller";
import type { ScanStore } from "../scan/store";
import { DropZone } from "./DropZone";
import { Logo } from "./icons";
import { Notices } from "./Notices";
import { QuestionFields } from "./QuestionFields";
import { ScanList } from "./ScanList";

export function App({ controller, account = null }: { controller: ScanController; account?: ComponentChildren }) {
  const question = useSignal(DEFAULT_QUESTION);
  const { store, announcer } = controller;
  const suggestions = knownLabels(store);
  return (
    <>
      <main class="page">
        <header class="top">
          <Logo />
          <h1>Is it in the picture?</h1>
          <p>Enter a label, add images, and see whether they contain it.</p>
          {account}
        </header>
        <section class="ask" aria-label="New scan">
          <QuestionFields
            text={DEFAULT_QUESTION.labels.join(", ")}
            suggestions={suggestions}
            onChange={(changed) => {
              question.value = changed;
            }}
          />
          <DropZone onFiles={(files) => controller.addFiles(files, question.value)} />
        </section>
        <Notices store={store} />
        <ScanList controller={controller} suggestions={suggestions} />
      </main>
      <div class="visually-hidden" role="log" aria-live="polite" aria-label="Status updates">
        {announcer.announcements.value.map(({ id, text }) => (
          <p key={id}>{text}</p>
        ))}
      </div>
    </>
  );
}

function knownLabels(store: ScanStore): string[] {
  const labels = store.entries.value.flatMap(({ scan }) => (scan.state === "completed" ? scan.request.labels : []));
  return [...new Set(labels.map(({ name }) => name.toLowerCase()))].sort();
}
