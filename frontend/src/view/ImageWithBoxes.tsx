import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Box } from "../api/types";
import { EnlargedImage } from "./EnlargedImage";
import { EnlargeIcon } from "./icons";

export interface DrawnBox {
  readonly box: Box;
  readonly caption: string;
  readonly highlighted: boolean;
}

interface Props {
  readonly preview: Blob | null;
  readonly name: string;
  readonly boxes?: readonly DrawnBox[];
  /** Drawn over the image. */
  readonly overlay?: ComponentChildren;
  /** Show the image, which is blurred until then. Null if it is not blurred. */
  readonly onReveal: (() => void) | null;
  /** Whether the image can be enlarged. Not during a scan, because the result would close the enlarged image. */
  readonly canEnlarge?: boolean;
}

/** The image with bounding boxes. Screen readers skip the boxes, because the label list has the same information. */
export function ImageWithBoxes({ preview, name, boxes = [], overlay, onReveal, canEnlarge = true }: Props) {
  const url = useObjectUrl(preview);
  const [enlargedRatio, setEnlargedRatio] = useState<number | null>(null);
  const image = useRef<HTMLDivElement>(null);
  if (url === null) return null;
  const enlarge = () => {
    const shown = image.current?.querySelector("img");
    if (shown?.naturalHeight) setEnlargedRatio(shown.naturalWidth / shown.naturalHeight);
  };
  const frame = () => <Frame url={url} name={name} boxes={boxes} overlay={overlay} onReveal={onReveal} />;
  return (
    <div class="image" ref={image}>
      {frame()}
      {canEnlarge && (
        <button type="button" class="overlay" aria-label={`Enlarge: ${name}`} onClick={enlarge}>
          <EnlargeIcon />
        </button>
      )}
      {enlargedRatio !== null && (
        <EnlargedImage name={name} aspectRatio={enlargedRatio} onClose={() => setEnlargedRatio(null)}>
          {frame()}
        </EnlargedImage>
      )}
    </div>
  );
}

type FrameProps = Required<Omit<Props, "preview" | "canEnlarge">> & { readonly url: string };

function Frame({ url, name, boxes, overlay, onReveal }: FrameProps) {
  const frame = useRef<HTMLDivElement>(null);
  const reveal = () => {
    // The focused button disappears. Without this, keyboard navigation would start again at the top of the page.
    frame.current?.focus();
    onReveal?.();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would change the layout of the image
    <div class={onReveal ? "frame blurred" : "frame"} ref={frame} role="group" aria-label={name} tabIndex={-1}>
      {/* Before the image, so that a selection of text that ends outside it continues to the last line. */}
      {!onReveal && overlay}
      <img src={url} alt={name} />
      {onReveal ? <RevealButton name={name} onReveal={reveal} /> : <Boxes boxes={boxes} />}
    </div>
  );
}

/** Covers a blurred image, so that a click anywhere shows it. */
function RevealButton({ name, onReveal }: { name: string; onReveal: () => void }) {
  return (
    <button type="button" class="reveal" onClick={onReveal}>
      <span class="reveal-text">
        <span class="reveal-title">
          Show image <span class="visually-hidden">{name}</span>
        </span>
        Moderation labels were found
      </span>
    </button>
  );
}

function Boxes({ boxes }: { boxes: readonly DrawnBox[] }) {
  return (
    <>
      {boxes.map(({ box, caption, highlighted }) => (
        <span
          key={`${caption} ${box.left} ${box.top} ${box.width} ${box.height}`}
          class={boxClass(box, highlighted)}
          data-caption={caption}
          aria-hidden="true"
          style={{
            left: toPercent(box.left),
            top: toPercent(box.top),
            width: toPercent(box.width),
            height: toPercent(box.height),
          }}
        />
      ))}
    </>
  );
}

/** A caption can be wider or higher than its box, so it is placed where the image has space for it. */
function boxClass({ left, top, width, height }: Box, highlighted: boolean): string {
  if (!highlighted) return "box";
  const isRight = left + width / 2 > 0.5;
  const isLow = top > 0.8 || (top > 0.15 && height < 0.15);
  return ["box highlighted", isRight ? "caption-right" : "", isLow ? "caption-above" : ""].filter(Boolean).join(" ");
}

function toPercent(fraction: number): string {
  return `${fraction * 100}%`;
}

/** Create an object URL for a blob, and revoke it when it is no longer shown. */
export function useObjectUrl(blob: Blob | null): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (blob === null) return setUrl(null);
    const created = URL.createObjectURL(blob);
    setUrl(created);
    return () => URL.revokeObjectURL(created);
  }, [blob]);
  return url;
}
