import type { ModerationLabel, ScanRequest, TextLine, Verdict } from "../api/types";
import { formatPercent } from "../scan/format";
import { CopyButton } from "./CopyButton";

/** What a scan found for the features other than labels. */
export function Findings({ request: { moderation, text }, onHover }: { request: ScanRequest; onHover: OnHover }) {
  return (
    <>
      {moderation && <ModerationLabels labels={moderation.labels} />}
      {text && <TextLines lines={text.lines} onHover={onHover} />}
    </>
  );
}

/** Receives the index of a line, or null. */
type OnHover = (index: number | null) => void;

function ModerationLabels({ labels }: { labels: readonly ModerationLabel[] }) {
  return (
    <section class="findings">
      <h4>Moderation labels</h4>
      {labels.length === 0 ? (
        <p class="small">No moderation labels were found.</p>
      ) : (
        <ul class="moderation" aria-label="Moderation labels found">
          {groupByTopLevel(labels).map(({ category, top, others }) => (
            <li key={category}>
              {top ? <Row label={top} /> : category}
              <ul>
                {others.map((label) => (
                  <li key={label.name} data-level={label.taxonomy_level}>
                    <Row label={label} />
                  </li>
                ))}
              </ul>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Row({ label: { name, confidence, taxonomy_level } }: { label: ModerationLabel }) {
  return (
    <>
      {name}{" "}
      <span class="finding-details">
        {formatPercent(confidence)}, level {taxonomy_level}
      </span>
    </>
  );
}

/** The moderation labels of a category of the top level. `top` is its own label, if that was found. */
interface ModerationGroup {
  readonly category: string;
  readonly top: ModerationLabel | undefined;
  /** By level, then the highest confidence first. */
  readonly others: readonly ModerationLabel[];
}

/** Group moderation labels by their category of the top level. The group with the highest confidence comes first. */
export function groupByTopLevel(labels: readonly ModerationLabel[]): readonly ModerationGroup[] {
  const categoryOf = ({ name, parents }: ModerationLabel) => parents[0] ?? name;
  const byConfidence = [...labels].sort((one, other) => other.confidence - one.confidence);
  return [...new Set(byConfidence.map(categoryOf))].map((category) => {
    const group = byConfidence.filter((label) => categoryOf(label) === category);
    const top = group.find(({ name }) => name === category);
    const others = group.filter((label) => label !== top);
    return { category, top, others: others.sort((one, other) => one.taxonomy_level - other.taxonomy_level) };
  });
}

function TextLines({ lines, onHover }: { lines: readonly TextLine[]; onHover: OnHover }) {
  return (
    <section class="findings">
      <h4>Text</h4>
      {lines.length === 0 ? (
        <p class="small">No text was found.</p>
      ) : (
        <>
          <ul class="lines" aria-label="Text found">
            {lines.map(({ text, confidence }, index) => (
              <li key={index} onMouseEnter={() => onHover(index)} onMouseLeave={() => onHover(null)}>
                <span>{text}</span> <span class="finding-details">{formatPercent(confidence)}</span>
              </li>
            ))}
          </ul>
          <CopyButton text="Copy text" name="Copy text" value={lines.map(({ text }) => text).join("\n")} />
        </>
      )}
    </section>
  );
}

/** The side of the area in which text is drawn. The browser stretches it to the size of the image. */
const SIDE = 1_000;
/** The size of a line of text before it is transformed to the size of its polygon. */
const LINE = { width: 1_000, height: 100, baseline: 78 };

interface TextOverlayProps {
  readonly lines: readonly TextLine[];
  /** The indexes of these lines are emphasized. */
  readonly highlighted: ReadonlySet<number>;
}

/**
 * Polygons around the lines of text, with transparent text that can be selected. Screen readers skip them, because the
 * list of lines has the same information.
 */
export function TextOverlay({ lines, highlighted }: TextOverlayProps) {
  if (lines.length === 0) return null;
  return (
    <svg class="text-overlay" viewBox={`0 0 ${SIDE} ${SIDE}`} preserveAspectRatio="none" aria-hidden="true">
      {lines.map(({ text, polygon }, index) => (
        <g key={index} class={highlighted.has(index) ? "highlighted" : ""}>
          <polygon points={polygon.map(({ x, y }) => `${x * SIDE},${y * SIDE}`).join(" ")} />
          <text
            transform={toTransform(polygon)}
            y={LINE.baseline}
            font-size={LINE.height}
            textLength={LINE.width}
            lengthAdjust="spacingAndGlyphs"
          >
            {text}
          </text>
        </g>
      ))}
    </svg>
  );
}

/** Return the transform from the area of a line to its polygon, which also rotates the text. */
export function toTransform(polygon: TextLine["polygon"]): string {
  const [start, right, , below] = polygon;
  if (!start || !right || !below) return "scale(0)";
  const [x, y] = [start.x * SIDE, start.y * SIDE];
  const alongLine = [(right.x * SIDE - x) / LINE.width, (right.y * SIDE - y) / LINE.width];
  const acrossLine = [(below.x * SIDE - x) / LINE.height, (below.y * SIDE - y) / LINE.height];
  return `matrix(${[...alongLine, ...acrossLine, x, y].join(" ")})`;
}

/** Return the indexes of the lines that a verdict matches. */
export function matchedLines({ results }: Verdict, lines: readonly TextLine[]): ReadonlySet<number> {
  const matched = results.flatMap(({ feature, match }) => (feature === "text" && match ? match.label : []));
  return new Set(lines.flatMap(({ text }, index) => (matched.includes(text) ? index : [])));
}
