import { useEffect, useState } from "preact/hooks";
import type { Label, ScanRequest, TermResult, Verdict } from "../api/types";
import { closestLabel, formatPercent, formatThreshold } from "../scan/format";
import { DEFAULT_MIN_CONFIDENCE } from "../scan/overview";
import { ConfidenceSlider } from "./ConfidenceSlider";
import { Findings, matchedLines, TextOverlay } from "./Findings";
import { FollowUps, type OnAsk, type OnScan } from "./FollowUps";
import { type DrawnBox, ImageWithBoxes } from "./ImageWithBoxes";
import type { Suggestions } from "./QuestionFields";
import { TermResults } from "./TermResults";

interface Props {
  readonly request: ScanRequest;
  readonly followUps: readonly Verdict[];
  readonly name: string;
  readonly preview: Blob | null;
  readonly suggestions: Suggestions;
  readonly confidence: ConfidenceFilter;
  readonly onAsk: OnAsk;
  readonly onScan: OnScan;
  /** See `ImageWithBoxes`. */
  readonly onReveal: (() => void) | null;
}

/** Which labels are shown. All images have the same setting. */
export interface ConfidenceFilter {
  /** Percent, or null for the default of each image. */
  readonly min: number | null;
  /** Receives a new value. Null if another part of the page has the slider. */
  readonly onChange: ((min: number) => void) | null;
}

export function ResultPanel({ request, followUps, name, preview, suggestions, confidence, ...actions }: Props) {
  const latest = followUps[0] ?? request;
  const threshold = confidence.min ?? initialThreshold(latest);
  const [selected, setSelected] = useState(primaryLabel(latest, request.labels));
  const [hovered, setHovered] = useState<string | null>(null);
  useEffect(() => {
    setSelected(primaryLabel(latest, request.labels));
  }, [latest, request.labels]);
  const shown = request.labels.filter(({ confidence }) => confidence >= threshold);
  const highlighted = shown.find(({ name }) => name === (hovered ?? selected));
  const [hoveredLine, setHoveredLine] = useState<number | null>(null);
  const lines = request.text?.lines ?? [];
  const emphasized = hoveredLine === null ? matchedLines(latest, lines) : new Set([hoveredLine]);
  return (
    <>
      <TermResults verdict={request} labels={request.labels} />
      <ImageWithBoxes
        preview={preview}
        name={name}
        boxes={boxesToDraw(shown, highlighted)}
        overlay={<TextOverlay lines={lines} highlighted={emphasized} />}
        onReveal={actions.onReveal}
      />
      {request.features.includes("labels") && (
        <>
          <LabelChips labels={shown} selected={selected} onSelect={setSelected} onHover={setHovered} />
          <LabelDetails label={highlighted} />
          <LabelCount shown={shown.length} all={request.labels.length} threshold={threshold} confidence={confidence} />
        </>
      )}
      <Findings request={request} onHover={setHoveredLine} />
      {request.reused_by && <p class="small">{REUSED_BY[request.reused_by]}</p>}
      <FollowUps verdicts={followUps} request={request} name={name} suggestions={suggestions} {...actions} />
      <details>
        <summary>Raw JSON</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable area must be reachable by keyboard */}
        <section class="raw" aria-label="Raw JSON" tabIndex={0}>
          <pre>{JSON.stringify(request, null, 2)}</pre>
        </section>
      </details>
    </>
  );
}

const REUSED_BY = {
  bytes: "This image was scanned before.",
  content: "An image with the same content was scanned before.",
} as const;

/** Return the label that the verdict names first. */
function primaryLabel(verdict: Verdict, labels: readonly Label[]): string | null {
  const { match, missed } = labelResults(verdict);
  return match?.label ?? (missed && closestLabel(missed, labels)?.name) ?? null;
}

/** Start at the default, or lower if the label that the verdict names has a lower confidence. */
function initialThreshold(verdict: Verdict): number {
  const { results, match, missed } = labelResults(verdict);
  const named = results.length > 0 ? ((match ?? missed?.closest_labels[0])?.confidence ?? 0) : DEFAULT_MIN_CONFIDENCE;
  return Math.floor(Math.min(DEFAULT_MIN_CONFIDENCE, named));
}

/** Return the results of a verdict for labels, the first match and the first miss. */
function labelResults(verdict: Verdict) {
  const results: readonly TermResult[] = verdict.results.filter(({ feature }) => feature === "labels");
  const match = results.find(({ match }) => match)?.match;
  return { results, match, missed: results.find(({ matched }) => !matched) };
}

/** Boxes of the highlighted label come last, so that they are drawn on top. */
function boxesToDraw(labels: readonly Label[], highlighted: Label | undefined): DrawnBox[] {
  const boxesOf = (label: Label) =>
    label.boxes.map((box) => ({
      box,
      caption: `${label.name} ${formatPercent(box.confidence)}`,
      highlighted: label === highlighted,
    }));
  return labels.flatMap(boxesOf).sort((one, other) => Number(one.highlighted) - Number(other.highlighted));
}

interface LabelChipsProps {
  readonly labels: readonly Label[];
  readonly selected: string | null;
  readonly onSelect: (name: string | null) => void;
  readonly onHover: (name: string | null) => void;
}

function LabelChips({ labels, selected, onSelect, onHover }: LabelChipsProps) {
  return (
    <ul class="chips" aria-label="Labels found">
      {labels.map(({ name, confidence, boxes }) => (
        <li key={name}>
          <button
            type="button"
            class={boxes.length ? "chip boxed" : "chip"}
            aria-pressed={name === selected}
            onClick={() => onSelect(name === selected ? null : name)}
            onMouseEnter={() => onHover(name)}
            onMouseLeave={() => onHover(null)}
            onFocus={() => onHover(name)}
            onBlur={() => onHover(null)}
          >
            {name} <b>{formatPercent(confidence)}</b>
          </button>
        </li>
      ))}
    </ul>
  );
}

function LabelDetails({ label }: { label: Label | undefined }) {
  if (!label) return <p class="label-details small">Hover over a label to see its location and categories.</p>;
  const lists = [
    ["Parents", label.parents],
    ["Aliases", label.aliases],
    ["Categories", label.categories],
  ] as const;
  const details = lists.filter(([, names]) => names.length).map(([title, names]) => `${title}: ${names.join(", ")}`);
  return (
    <p class="label-details small">
      <b>{label.name}</b> {[formatLocations(label), ...details].join(". ")}.
    </p>
  );
}

function formatLocations({ boxes }: Label): string {
  if (boxes.length === 0) return "has no bounding box";
  return boxes.length === 1 ? "has 1 bounding box" : `has ${boxes.length} bounding boxes`;
}

interface LabelCountProps {
  readonly shown: number;
  readonly all: number;
  readonly threshold: number;
  readonly confidence: ConfidenceFilter;
}

function LabelCount({ shown, all, threshold, confidence: { onChange } }: LabelCountProps) {
  if (onChange) return <ConfidenceSlider value={threshold} count={`${shown} of ${all}`} onChange={onChange} />;
  if (shown === all) return null;
  return (
    <p class="small count">
      Showing {shown} of {all} labels at {formatThreshold(threshold)} or higher
    </p>
  );
}
