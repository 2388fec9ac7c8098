import { useEffect, useState } from "preact/hooks";
import type { Box } from "../api/contract";

export interface DrawnBox {
  readonly box: Box;
  readonly caption: string;
  readonly lit: boolean;
}

interface Props {
  readonly preview: Blob | null;
  readonly name: string;
  readonly boxes: readonly DrawnBox[];
}

/** The picture with boxes over it. The boxes say nothing that the labels beside them do not, so they are not read out. */
export function Picture({ preview, name, boxes }: Props) {
  const url = useObjectUrl(preview);
  if (url === null) return null;
  return (
    <div class="picture">
      <div class="frame">
        <img src={url} alt={name} />
        {boxes.map(({ box, caption, lit }) => (
          <span
            key={`${caption} ${box.left} ${box.top} ${box.width} ${box.height}`}
            class={lit ? "box lit" : "box"}
            data-caption={caption}
            aria-hidden="true"
            style={{ left: part(box.left), top: part(box.top), width: part(box.width), height: part(box.height) }}
          />
        ))}
      </div>
    </div>
  );
}

function part(fraction: number): string {
  return `${fraction * 100}%`;
}

/** An address for a blob, given back as soon as it is no longer shown. */
function useObjectUrl(blob: Blob | null): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (blob === null) return setUrl(null);
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return url;
}
