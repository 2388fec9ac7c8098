import { useEffect, useState } from "preact/hooks";
import type { Box } from "../api/types";

export interface DrawnBox {
  readonly box: Box;
  readonly caption: string;
  readonly highlighted: boolean;
}

interface Props {
  readonly preview: Blob | null;
  readonly name: string;
  readonly boxes: readonly DrawnBox[];
}

/** The image with bounding boxes. Screen readers skip the boxes, because the label list has the same information. */
export function ImageWithBoxes({ preview, name, boxes }: Props) {
  const url = useObjectUrl(preview);
  if (url === null) return null;
  return (
    <div class="image">
      <div class="frame">
        <img src={url} alt={name} />
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
      </div>
    </div>
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
