import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { formatLimit, maxImageBytes } from "../image/limits";
import type { NamedFile } from "../scan/controller";
import { CameraIcon, ImageIcon } from "./icons";
import { readDrop, readFiles, readFolder, type Transferred } from "./transfer";

type OnFiles = (files: readonly NamedFile[]) => void;

const ACCEPTED = "image/*,.heic,.heif,.avif,.webp";
const LINK =
  "This is a link, not a file. Save the image and drop the file, or copy the image and paste it on this page.";

/** Accepts images that are dropped or pasted anywhere on the page, selected, or taken with the camera of a phone. */
export function DropZone({ onFiles, children }: { onFiles: OnFiles; children: ComponentChildren }) {
  const [message, setMessage] = useState<string | null>(null);
  const add = ({ files, skipped }: Transferred) => {
    setMessage(skippedMessage(files.length, skipped));
    if (files.length) onFiles(files);
  };
  const isDragging = useDropAndPaste(add, () => setMessage(LINK));
  const fileInput = useRef<HTMLInputElement>(null);
  const folderInput = useRef<HTMLInputElement>(null);
  const cameraInput = useRef<HTMLInputElement>(null);
  const onChange = (read: (files: FileList) => Transferred) => (event: { currentTarget: HTMLInputElement }) => {
    const { files } = event.currentTarget;
    if (files?.length) add(read(files));
    // Without this, selecting the same file again would not fire a change event.
    event.currentTarget.value = "";
  };
  return (
    <div class={isDragging ? "drop-zone dragging" : "drop-zone"}>
      <p class="drop-hint">
        <ImageIcon />
        <span>{isDragging ? "Drop to add images" : "Drop or paste images or folders here"}</span>
      </p>
      <div class="drop-zone-actions">
        <button type="button" class="primary" onClick={() => fileInput.current?.click()}>
          Choose images
        </button>
        <button type="button" class="folder" onClick={() => folderInput.current?.click()}>
          Choose a folder
        </button>
        <button type="button" class="camera" onClick={() => cameraInput.current?.click()}>
          <CameraIcon />
          Take a photo
        </button>
      </div>
      <p class="small">
        JPEG or PNG, up to {formatLimit(maxImageBytes())} each. Larger images, HEIC, WebP, AVIF and GIF are converted.
      </p>
      {children}
      <p class="drop-message" role="status">
        {message}
      </p>
      <input ref={fileInput} type="file" accept={ACCEPTED} multiple hidden onChange={onChange(readFiles)} />
      <input
        ref={(element) => {
          folderInput.current = element;
          if (element) element.webkitdirectory = true;
        }}
        type="file"
        hidden
        onChange={onChange(readFolder)}
      />
      <input
        ref={cameraInput}
        type="file"
        accept="image/*"
        capture="environment"
        hidden
        onChange={onChange(readFiles)}
      />
    </div>
  );
}

function skippedMessage(added: number, skipped: number): string | null {
  if (skipped === 0) return added === 0 ? "No images were found." : null;
  const files = skipped === 1 ? "1 file was skipped, because it is" : `${skipped} files were skipped, because they are`;
  return `${files} not ${skipped === 1 ? "an image" : "images"}.`;
}

/**
 * Handle files that are dropped or pasted on the page. Return whether something is being dragged over it. Text goes into
 * the field that it is dropped on or pasted into.
 */
function useDropAndPaste(onFiles: (transferred: Transferred) => void, onLink: () => void): boolean {
  const [isDragging, setDragging] = useState(false);
  const handlers = useRef({ onFiles, onLink });
  handlers.current = { onFiles, onLink };
  useEffect(() => {
    const controller = new AbortController();
    const on = <K extends keyof WindowEventMap>(type: K, listener: (event: WindowEventMap[K]) => void) =>
      window.addEventListener(type, listener, { signal: controller.signal });
    on("dragover", (event) => {
      if (isTextForField(event)) return;
      event.preventDefault();
      setDragging(hasFiles(event.dataTransfer) || hasLink(event.dataTransfer));
    });
    on("dragleave", (event) => {
      if (event.relatedTarget === null) setDragging(false);
    });
    on("drop", async (event) => {
      setDragging(false);
      const { dataTransfer } = event;
      if (isTextForField(event) || !dataTransfer) return;
      event.preventDefault();
      if (hasFiles(dataTransfer)) handlers.current.onFiles(await readDrop(dataTransfer));
      else if (hasLink(dataTransfer)) handlers.current.onLink();
    });
    on("paste", (event) => {
      const { clipboardData } = event;
      if (!clipboardData?.files.length) return;
      // Spreadsheets copy a cell as text and as an image.
      if (isField(event.target) && clipboardData.types.includes("text/plain")) return;
      event.preventDefault();
      handlers.current.onFiles(readFiles(clipboardData.files));
    });
    return () => controller.abort();
  }, []);
  return isDragging;
}

function isTextForField({ target, dataTransfer }: DragEvent): boolean {
  return isField(target) && !hasFiles(dataTransfer);
}

function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}

function hasFiles(transfer: DataTransfer | null): boolean {
  return transfer?.types.includes("Files") ?? false;
}

function hasLink(transfer: DataTransfer | null): boolean {
  return transfer?.types.includes("text/uri-list") ?? false;
}
