import { useEffect, useRef, useState } from "preact/hooks";
import { countTerms, type Question, withTermsOnly } from "../core/question";
import { formatAsked } from "../scan/announcer";
import type { ScanController } from "../scan/controller";
import { formatQuestion, formatTerms } from "../scan/format";
import type { Entry } from "../scan/history";
import { isUnfinished, type ScanState } from "../scan/machine";
import { DEFAULT_SETTINGS, selectEntries } from "../scan/overview";
import { canRetry, type ScanStore } from "../scan/store";
import { DetailsDialog } from "./DetailsDialog";
import type { Suggestions } from "./QuestionFields";
import { RemoveButton } from "./RemoveButton";
import { ScanCard } from "./ScanCard";
import { Tiles, tileId } from "./Tiles";
import { Toolbar } from "./Toolbar";
import { UndoBar } from "./UndoBar";

/** With more images, the page shows tiles instead of cards. */
const MAX_CARDS = 12;

interface ScanListProps {
  readonly controller: ScanController;
  readonly suggestions: Suggestions;
  /** The current question, or null while it is invalid. */
  readonly question: Question | null;
}

export function ScanList({ controller, suggestions, question }: ScanListProps) {
  const { store } = controller;
  const entries = store.entries.value;
  const heading = useRef<HTMLHeadingElement>(null);
  const [settings, setSettings] = useState(DEFAULT_SETTINGS);
  const [selected, setSelected] = useState<ReadonlySet<string> | null>(null);
  const [opened, setOpened] = useState<Opened | null>(null);
  const areTiles = entries.length > MAX_CARDS;
  useScrollIntoView(store);
  const shown = entries.length > 1 ? selectEntries(entries, settings) : entries;
  const targets = selected?.size ? shown.filter(({ scan }) => selected.has(scan.id)) : shown;
  const removeAndFocus = (remove: () => void) => {
    remove();
    // The focused button is gone. Without this, keyboard navigation would start again at the top of the page.
    heading.current?.focus();
  };
  const deleteAndFocus = async (deleting: Promise<void>) => {
    await deleting;
    // The user may have moved the focus in the meantime.
    requestAnimationFrame(() => document.activeElement === document.body && heading.current?.focus());
  };
  const setMinConfidence = (minConfidence: number) => setSettings((current) => ({ ...current, minConfidence }));
  // The slider is part of the toolbar, which is not shown for a single image, and which a dialog covers.
  const hasCardSlider = areTiles || entries.length === 1;
  const confidence = { min: settings.minConfidence, onChange: hasCardSlider ? setMinConfidence : null };
  const cardOf = (entry: Entry) => (
    <ScanCard
      entry={entry}
      confidence={confidence}
      loadDebugData={() => controller.getDebugData(entry.scan.id)}
      suggestions={suggestions}
      focused={store.focusedEntry.value?.id === entry.scan.id}
      onCancel={() => controller.cancel(entry.scan.id)}
      onRetry={() => controller.retry(entry.scan.id)}
      onAsk={(question) => controller.askFollowUp(entry.scan.id, question)}
      onScan={(question) => {
        const id = controller.scanAgain(entry.scan.id, question);
        setOpened((current) => current && { id, ids: [id, ...current.ids] });
      }}
      onReveal={store.isBlurred(entry.scan) ? () => controller.reveal(entry.scan.id) : null}
      deletion={store.deletions.value.get(entry.scan.id) ?? null}
      isSubmitted={() => controller.isSubmitted(entry.scan.id)}
      onRemove={() => removeAndFocus(() => controller.remove(entry.scan.id))}
      onDelete={() => deleteAndFocus(controller.deleteRequest(entry.scan.id))}
    />
  );
  const openIds = opened?.ids.filter((id) => store.entry(id)) ?? [];
  const open = areTiles && opened ? store.entry(opened.id) : undefined;
  useEffect(() => {
    if (opened && !open) setOpened(null);
  }, [opened, open]);
  return (
    <section class="scans" aria-labelledby="scans">
      <div class="bar">
        <h2 id="scans" ref={heading} tabIndex={-1}>
          {summary(entries)}
        </h2>
        {entries.length > 0 && (
          <BulkActions
            controller={controller}
            targets={targets}
            isAll={targets.length === entries.length}
            question={question}
            onRemoveAll={() => removeAndFocus(() => controller.remove(...idsOf(targets)))}
            onDeleteAll={() => deleteAndFocus(controller.deleteAll(idsOf(targets)))}
          />
        )}
        <Progress entries={entries} />
      </div>
      <AskProgress store={store} />
      <UndoBar controller={controller} />
      {entries.length > 1 && (
        <Toolbar
          entries={entries}
          settings={settings}
          onChange={(part) => setSettings((current) => ({ ...current, ...part }))}
        />
      )}
      {areTiles && <Selection shown={shown} selected={selected} onChange={setSelected} />}
      {entries.length > 0 && shown.length === 0 && <p class="small">No images match the filter and the search.</p>}
      {areTiles ? (
        <Tiles
          entries={shown}
          selected={selected ?? NOTHING}
          isSelecting={selected !== null}
          focusedId={store.focusedEntry.value?.id ?? null}
          isBlurred={(scan) => store.isBlurred(scan)}
          onOpen={(id) => setOpened({ id, ids: idsOf(shown) })}
          onToggle={(id) => setSelected((current) => toggled(current ?? NOTHING, id))}
        />
      ) : (
        <ol class="cards">
          {shown.map((entry) => (
            <li key={entry.scan.id}>{cardOf(entry)}</li>
          ))}
        </ol>
      )}
      {open && (
        <DetailsDialog
          position={openIds.indexOf(open.scan.id) + 1}
          count={openIds.length}
          onMove={(step) => setOpened((current) => current && { ...current, id: neighbour(openIds, current.id, step) })}
          onClose={() => {
            setOpened(null);
            document.getElementById(tileId(open.scan.id))?.focus();
          }}
        >
          <div key={open.scan.id}>{cardOf(open)}</div>
        </DetailsDialog>
      )}
    </section>
  );
}

const NOTHING: ReadonlySet<string> = new Set();

function idsOf(entries: readonly Entry[]): string[] {
  return entries.map(({ scan }) => scan.id);
}

/** An image in the details dialog, and those to move between. These stay the same when the filters or results change. */
interface Opened {
  readonly id: string;
  readonly ids: readonly string[];
}

/** Return the ID after or before another one. At the ends, return that one. */
function neighbour(ids: readonly string[], id: string, step: -1 | 1): string {
  return ids[ids.indexOf(id) + step] ?? id;
}

function toggled(ids: ReadonlySet<string>, id: string): ReadonlySet<string> {
  return ids.has(id) ? new Set([...ids].filter((other) => other !== id)) : new Set([...ids, id]);
}

interface SelectionProps {
  readonly shown: readonly Entry[];
  readonly selected: ReadonlySet<string> | null;
  /** Receives null when the user stops selecting. */
  readonly onChange: (selected: ReadonlySet<string> | null) => void;
}

function Selection({ shown, selected, onChange }: SelectionProps) {
  return (
    <div class="selection">
      <button type="button" aria-pressed={selected !== null} onClick={() => onChange(selected ? null : NOTHING)}>
        Select
      </button>
      {selected && (
        <>
          <button type="button" onClick={() => onChange(new Set(idsOf(shown)))}>
            Select all
          </button>
          <p class="small" role="status">
            {selected.size === 0 ? "Click images to select them." : `${selected.size} selected`}
          </p>
        </>
      )}
    </div>
  );
}

function AskProgress({ store }: { store: ScanStore }) {
  const [asking, result] = [store.asking.value, store.askResult.value];
  if (asking) return <progress aria-label="Asking all images" max={asking.total} value={asking.done} />;
  return result && <p class="small">{formatAsked(result)}</p>;
}

interface BulkActionsProps {
  readonly controller: ScanController;
  /** The images that the actions apply to. */
  readonly targets: readonly Entry[];
  readonly isAll: boolean;
  readonly question: Question | null;
  readonly onRemoveAll: () => void;
  readonly onDeleteAll: () => void;
}

function BulkActions({ controller, targets, isAll, question, onRemoveAll, onDeleteAll }: BulkActionsProps) {
  const count = isAll ? "all" : `${targets.length}`;
  const isAskable = targets.filter(({ scan }) => scan.state === "completed").length > 1;
  return (
    <div class="bulk-actions">
      {targets.some(({ scan }) => isUnfinished(scan)) && (
        <button type="button" onClick={() => controller.cancelAll(idsOf(targets))}>
          Cancel {count}
        </button>
      )}
      {targets.some(canRetry) && (
        <button type="button" onClick={() => controller.retryAll(idsOf(targets))}>
          Retry {count}
        </button>
      )}
      {isAskable && question && countTerms(question) > 0 && (
        <button
          type="button"
          title={`Ask about ${formatQuestion(withTermsOnly(question))}, from stored results, at no cost`}
          onClick={() => controller.askAll(idsOf(targets), question)}
        >
          Ask {count}: {formatTerms(question)}
        </button>
      )}
      {targets.length > 1 && <Export targets={targets} />}
      <RemoveButton
        text={`Remove ${count}`}
        name={isAll ? "all images" : `${targets.length} images`}
        isSubmitted={() => targets.some(({ scan }) => controller.isSubmitted(scan.id))}
        onRemove={onRemoveAll}
        onDelete={onDeleteAll}
      />
    </div>
  );
}

function Export({ targets }: { targets: readonly Entry[] }) {
  const save = async (format: "csv" | "json") => {
    const { download, toCsv, toJson } = await import("../scan/export");
    if (format === "csv") download(toCsv(targets), "images.csv", "text/csv");
    else download(toJson(targets), "images.json", "application/json");
  };
  return (
    <>
      <button type="button" onClick={() => save("csv")}>
        Export CSV
      </button>
      <button type="button" onClick={() => save("json")}>
        Export JSON
      </button>
    </>
  );
}

function Progress({ entries }: { entries: readonly Entry[] }) {
  const finished = entries.filter(({ scan }) => !isUnfinished(scan)).length;
  if (finished === entries.length) return null;
  return <progress aria-label="All images" max={entries.length} value={finished} />;
}

const SUMMARY_PARTS: readonly (readonly [string, readonly ScanState[]])[] = [
  ["done", ["completed"]],
  ["in progress", ["queued", "checking", "uploading", "scanning"]],
  ["failed", ["failed"]],
  ["cancelled", ["cancelled"]],
];

/** "2 done, 1 in progress" */
function summary(entries: readonly Entry[]): string {
  if (entries.length === 0) return "No images yet";
  const counts = SUMMARY_PARTS.map(([word, states]) => [
    entries.filter(({ scan }) => states.includes(scan.state)).length,
    word,
  ]);
  return counts
    .filter(([count]) => count)
    .map((part) => part.join(" "))
    .join(", ");
}

/** Scroll to the focused entry and move the keyboard focus to it. */
function useScrollIntoView({ focusedEntry }: ScanStore): void {
  const focused = focusedEntry.value;
  useEffect(() => {
    const card = focused && document.getElementById(focused.id);
    card?.scrollIntoView({ block: "center" });
    card?.focus({ preventScroll: true });
  }, [focused]);
}
