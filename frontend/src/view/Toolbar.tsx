import type { Entry } from "../scan/history";
import {
  countOutcomes,
  DEFAULT_MIN_CONFIDENCE,
  type Order,
  type Outcome,
  type OverviewSettings,
} from "../scan/overview";
import { ConfidenceSlider } from "./ConfidenceSlider";

interface Props {
  readonly entries: readonly Entry[];
  readonly settings: OverviewSettings;
  /** Receives the settings that change. */
  readonly onChange: (settings: Partial<OverviewSettings>) => void;
}

const FILTERS: readonly (readonly [Outcome, string])[] = [
  ["yes", "Yes"],
  ["no", "No"],
  ["no_question", "No question"],
  ["in_progress", "In progress"],
  ["failed", "Failed"],
  ["cancelled", "Cancelled"],
];

const ORDERS: readonly (readonly [Order, string])[] = [
  ["newest", "Newest first"],
  ["name", "Name"],
  ["confidence", "Best match first"],
];

/** Filters, sorts and searches the images. */
export function Toolbar({ entries, settings, onChange: update }: Props) {
  const counts = countOutcomes(entries);
  return (
    <fieldset class="toolbar" aria-label="Filter and sort">
      <div class="filters">
        <Filter
          text="All"
          count={entries.length}
          pressed={settings.outcome === null}
          onClick={() => update({ outcome: null })}
        />
        {FILTERS.filter(([outcome]) => counts.has(outcome) || outcome === settings.outcome).map(([outcome, text]) => (
          <Filter
            key={outcome}
            text={text}
            count={counts.get(outcome) ?? 0}
            pressed={settings.outcome === outcome}
            onClick={() => update({ outcome })}
          />
        ))}
      </div>
      <label>
        <span>Sort</span>
        <select
          value={settings.order}
          onChange={({ currentTarget }) => update({ order: currentTarget.value as Order })}
        >
          {ORDERS.map(([order, text]) => (
            <option key={order} value={order}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>Search names, labels and text</span>
        <input
          type="search"
          value={settings.search}
          onInput={({ currentTarget }) => update({ search: currentTarget.value })}
        />
      </label>
      <ConfidenceSlider
        value={settings.minConfidence ?? DEFAULT_MIN_CONFIDENCE}
        onChange={(minConfidence) => update({ minConfidence })}
      />
    </fieldset>
  );
}

interface FilterProps {
  readonly text: string;
  readonly count: number;
  readonly pressed: boolean;
  readonly onClick: () => void;
}

function Filter({ text, count, pressed, onClick }: FilterProps) {
  return (
    <button type="button" class="chip" aria-pressed={pressed} onClick={onClick}>
      {text} <b>{count.toLocaleString("en")}</b>
    </button>
  );
}
