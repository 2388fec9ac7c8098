import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { readRemovesMetadata, saveRemovesMetadata } from "../core/preferences";
import { DEFAULT_QUESTION, INITIAL_TERMS, type Question } from "../core/question";
import type { NamedFile, ScanController } from "../scan/controller";
import type { ScanStore } from "../scan/store";
import { DropZone } from "./DropZone";
import { Introduction } from "./Introduction";
import { Logo } from "./icons";
import { MetadataField } from "./MetadataField";
import { Notices } from "./Notices";
import { OpenRequest } from "./OpenRequest";
import { QuestionFields, type Suggestions } from "./QuestionFields";
import { ScanList } from "./ScanList";

interface Props {
  readonly controller: ScanController;
  /** See `OpenRequest`. */
  readonly invalidId: string;
  readonly account?: ComponentChildren;
}

export function App({ controller, invalidId, account = null }: Props) {
  const question = useSignal<Question | null>(DEFAULT_QUESTION);
  const removesMetadata = useSignal(readRemovesMetadata());
  const form = useRef<HTMLElement>(null);
  const onFiles = (files: readonly NamedFile[]) => {
    if (question.value) return controller.addFiles(files, question.value, removesMetadata.value);
    // The field shows what is wrong.
    form.current?.querySelector<HTMLInputElement>("[aria-invalid=true]")?.focus();
    announcer.notAdded();
  };
  const { store, announcer } = controller;
  const suggestions = knownTerms(store);
  return (
    <>
      <main class="page">
        <header class="top">
          <Logo />
          <h1>Is it in the picture?</h1>
          <p>Choose what to look for, add images, and see whether they contain it.</p>
          {account}
        </header>
        <section class="ask" aria-label="New scan" ref={form}>
          <QuestionFields
            initial={INITIAL}
            suggestions={suggestions}
            needsScan={true}
            onChange={(changed) => {
              question.value = changed;
            }}
          />
          <DropZone onFiles={onFiles}>
            <MetadataField
              value={removesMetadata.value}
              onChange={(changed) => {
                removesMetadata.value = changed;
                saveRemovesMetadata(changed);
              }}
            />
          </DropZone>
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

const INITIAL = {
  features: DEFAULT_QUESTION.features,
  terms: { ...INITIAL_TERMS, labels: DEFAULT_QUESTION.labels.join(", ") },
};

/** The moderation labels of the top level. Source: the Amazon Rekognition developer guide, label taxonomy 7. */
const MODERATION_CATEGORIES = [
  "Explicit",
  "Non-Explicit Nudity of Intimate parts and Kissing",
  "Swimwear or Underwear",
  "Violence",
  "Visually Disturbing",
  "Drugs & Tobacco",
  "Alcohol",
  "Rude Gestures",
  "Gambling",
  "Hate Symbols",
];

/** Return the labels and moderation labels of earlier results, to suggest them. */
function knownTerms({ entries }: ScanStore): Suggestions {
  const requests = entries.value.flatMap(({ scan }) => (scan.state === "completed" ? scan.request : []));
  const labels = requests.flatMap((request) => request.labels.map(({ name }) => name.toLowerCase()));
  const found = requests.flatMap(({ moderation }) => moderation?.labels.map(({ name }) => name) ?? []);
  return {
    labels: [...new Set(labels)].sort(),
    moderation: [...new Set([...MODERATION_CATEGORIES, ...found])],
    text: [],
  };
}
