import { useEffect, useRef, useState } from "preact/hooks";
import { maxImageBytes } from "../image/prepare";
import { formatLimit } from "../image/validate";
import { CameraIcon, ImageIcon } from "./icons";

type OnFiles = (files: readonly File[]) => void;

/** Accepts images that are dropped or pasted anywhere on the page, selected, or taken with the camera of a phone. */
export function DropZone({ onFiles }: { onFiles: OnFiles }) {
  const isDragging = useDropAndPaste(onFiles);
  const fileInput = useRef<HTMLInputElement>(null);
  const cameraInput = useRef<HTMLInputElement>(null);
  const onChange = ({ currentTarget }: { currentTarget: HTMLInputElement }) => {
    pickFiles(currentTarget.files, onFiles);
    // Without this, selecting the same file again would not fire a change event.
    currentTarget.value = "";
  };
  return (
    <div class={isDragging ? "drop-zone dragging" : "drop-zone"}>
      <p class="drop-hint">
        <ImageIcon />
        <span>{isDragging ? "Drop to add images" : "Drop or paste images here"}</span>
      </p>
      <div class="drop-zone-actions">
        <button type="button" class="primary" onClick={() => fileInput.current?.click()}>
          Choose images
        </button>
        <button type="button" class="camera" onClick={() => cameraInput.current?.click()}>
          <CameraIcon />
          Take a photo
        </button>
      </div>
      <p class="small">JPEG or PNG, up to {formatLimit(maxImageBytes())} each</p>
      <input ref={fileInput} type="file" accept="image/jpeg,image/png" multiple hidden onChange={onChange} />
      <input ref={cameraInput} type="file" accept="image/jpeg" capture="environment" hidden onChange={onChange} />
    </div>
  );
}

function pickFiles(files: FileList | undefined | null, onFiles: OnFiles): void {
  if (files?.length) onFiles([...files]);
}

/** Handle files that are dropped or pasted on the page. Return whether something is being dragged over it. */
function useDropAndPaste(onFiles: OnFiles): boolean {
  const [isDragging, setDragging] = useState(false);
  useEffect(() => {
    const controller = new AbortController();
    const on = <K extends keyof WindowEventMap>(type: K, listener: (event: WindowEventMap[K]) => void) =>
      window.addEventListener(type, listener, { signal: controller.signal });
    on("dragover", (event) => {
      event.preventDefault();
      setDragging(true);
    });
    on("dragleave", (event) => {
      if (event.relatedTarget === null) setDragging(false);
    });
    on("drop", (event) => {
      event.preventDefault();
      setDragging(false);
      pickFiles(event.dataTransfer?.files, onFiles);
    });
    on("paste", (event) => pickFiles(event.clipboardData?.files, onFiles));
    return () => controller.abort();
  }, [onFiles]);
  return isDragging;
}
