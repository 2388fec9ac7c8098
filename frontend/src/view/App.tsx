import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { DEFAULT_QUESTION, type Question } from "../core/question";
import type { NamedFile, ScanController } from "../scan/controller";
import type { ScanStore } from "../scan/store";
import { DropZone } from "./DropZone";
import { Introduction } from "./Introduction";
import { Logo } from "./icons";
import { Notices } from "./Notices";
import { OpenRequest } from "./OpenRequest";
import { QuestionFields } from "./QuestionFields";
import { ScanList } from "./ScanList";

interface Props {
  readonly controller: ScanController;
  /** See `OpenRequest`. */
  readonly invalidId: string;
  readonly account?: ComponentChildren;
}

export function App({ controller, invalidId, account = null }: Props) {
  const question = useSignal<Question | null>(DEFAULT_QUESTION);
  const form = useRef<HTMLElement>(null);
  const onFiles = (files: readonly NamedFile[]) => {
    if (question.value) return controller.addFiles(files, question.value);
    // The field shows what is wrong.
    form.current?.querySelector<HTMLInputElement>("[aria-invalid=true]")?.focus();
    announcer.notAdded();
  };
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
        <section class="ask" aria-label="New scan" ref={form}>
          <QuestionFields
            text={DEFAULT_QUESTION.labels.join(", ")}
            suggestions={suggestions}
            onChange={(changed) => {
              question.value = changed;
            }}
          />
          <DropZone onFiles={onFiles} />
        </section>
        <OpenRequest invalidId={invalidId} onOpen={(id) => controller.openRequest(id)} />
        <Notices store={store} />
        {store.entries.value.length === 0 && <Introduction />}
        <ScanList controller={controller} suggestions={suggestions} question={question.value} />
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
