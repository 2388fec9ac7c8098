import { Component } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { displayName, formatTile } from "../scan/format";
import type { Entry } from "../scan/history";
import type { Scan } from "../scan/machine";
import { outcomeOf } from "../scan/overview";
import { useObjectUrl } from "./ImageWithBoxes";

interface Props {
  readonly entries: readonly Entry[];
  readonly selected: ReadonlySet<string>;
  readonly isSelecting: boolean;
  /** The entry to scroll to and focus. */
  readonly focusedId: string | null;
  readonly isBlurred: (scan: Scan) => boolean;
  readonly onOpen: (id: string) => void;
  readonly onToggle: (id: string) => void;
}

/** An overview of many images. Arrow keys move between the tiles, which are a single tab stop. */
export function Tiles({ entries, selected, isSelecting, focusedId, isBlurred, onOpen, onToggle }: Props) {
  const [activeId, setActiveId] = useState<string | null>(null);
  const list = useRef<HTMLOListElement>(null);
  const active = Math.max(
    0,
    entries.findIndex(({ scan }) => scan.id === activeId),
  );
  const activate = (index: number) => {
    const id = entries[index]?.scan.id;
    if (!id) return;
    setActiveId(id);
    document.getElementById(tileId(id))?.focus();
  };
  useEffect(() => {
    if (focusedId === null) return;
    setActiveId(focusedId);
    const tile = document.getElementById(tileId(focusedId));
    tile?.scrollIntoView({ block: "center" });
    tile?.focus({ preventScroll: true });
  }, [focusedId]);
  return (
    <ol
      class="tiles"
      ref={list}
      onFocusIn={({ target }) => setActiveId((target as HTMLElement).id.replace(TILE_PREFIX, ""))}
      onKeyDown={(event) => {
        const target = nextIndex(event.key, active, entries.length, columnsOf(list.current));
        if (target === null) return;
        event.preventDefault();
        activate(target);
      }}
    >
      {entries.map((entry, index) => (
        <Tile
          key={entry.scan.id}
          entry={entry}
          isActive={index === active}
          isSelected={isSelecting ? selected.has(entry.scan.id) : null}
          isBlurred={isBlurred(entry.scan)}
          onClick={(id) => {
            setActiveId(id);
            (isSelecting ? onToggle : onOpen)(id);
          }}
        />
      ))}
    </ol>
  );
}

const TILE_PREFIX = "tile-";

export function tileId(id: string): string {
  return TILE_PREFIX + id;
}

/** Return the index to which a key moves, or null if it does not move. */
export function nextIndex(key: string, index: number, count: number, columns: number): number | null {
  const targets: Readonly<Record<string, number>> = {
    ArrowLeft: index - 1,
    ArrowRight: index + 1,
    ArrowUp: index - columns,
    ArrowDown: index + columns,
    Home: 0,
    End: count - 1,
  };
  const target = targets[key];
  return target === undefined || target < 0 || target >= count ? null : target;
}

function columnsOf(list: HTMLElement | null): number {
  return list ? getComputedStyle(list).gridTemplateColumns.split(" ").length : 1;
}

interface TileProps {
  readonly entry: Entry;
  readonly isActive: boolean;
  /** Null unless the user selects images. */
  readonly isSelected: boolean | null;
  readonly isBlurred: boolean;
  readonly onClick: (id: string) => void;
}

/** A tile is rendered only when its own entry changes, because there can be a thousand of them. */
class Tile extends Component<TileProps> {
  override shouldComponentUpdate({ entry, isActive, isSelected, isBlurred }: TileProps): boolean {
    const { props } = this;
    const isChanged = entry.scan !== props.entry.scan || entry.preview !== props.entry.preview;
    const isShownDifferently = isSelected !== props.isSelected || isBlurred !== props.isBlurred;
    return isChanged || isActive !== props.isActive || isShownDifferently;
  }

  override render({ entry: { scan, preview }, isActive, isSelected, isBlurred }: TileProps) {
    const outcome = outcomeOf(scan);
    return (
      <li>
        <button
          type="button"
          id={tileId(scan.id)}
          class={`tile ${outcome}`}
          tabIndex={isActive ? 0 : -1}
          data-state={scan.state}
          {...(isSelected === null ? {} : { "aria-pressed": isSelected })}
          onClick={() => this.props.onClick(scan.id)}
        >
          <Thumbnail preview={preview} isBlurred={isBlurred} />
          <b>{formatTile(scan)}</b>
          <small>{displayName(scan)}</small>
        </button>
      </li>
    );
  }
}

function Thumbnail({ preview, isBlurred }: { preview: Blob | null; isBlurred: boolean }) {
  const url = useObjectUrl(preview);
  if (url === null) return <i />;
  return <img src={url} alt="" class={isBlurred ? "blurred" : ""} loading="lazy" decoding="async" />;
}
