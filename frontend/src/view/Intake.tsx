import { useEffect, useRef, useState } from "preact/hooks";
import { megabytes } from "../picture/check";
import { mostBytes } from "../picture/prepare";
import { CameraIcon, PictureIcon } from "./icons";

type OnFiles = (files: readonly File[]) => void;

/** Every way in for pictures: dropped or pasted anywhere on the page, chosen, or taken with a phone's camera. */
export function Intake({ onFiles }: { onFiles: OnFiles }) {
  const dropping = useDropAndPaste(onFiles);
  const chosen = useRef<HTMLInputElement>(null);
  const taken = useRef<HTMLInputElement>(null);
  const pass = ({ currentTarget }: { currentTarget: HTMLInputElement }) => {
    giveFiles(currentTarget.files, onFiles);
    // Otherwise choosing the same file again would be no change, and go unnoticed.
    currentTarget.value = "";
  };
  return (
    <div class={dropping ? "intake dropping" : "intake"}>
      <p class="drop-hint">
        <PictureIcon />
        <span>{dropping ? "Let go to add the pictures" : "Drop pictures here, or paste them"}</span>
      </p>
      <div class="ways">
        <button type="button" class="primary" onClick={() => chosen.current?.click()}>
          Choose pictures
        </button>
        <button type="button" class="camera" onClick={() => taken.current?.click()}>
          <CameraIcon />
          Take a photo
        </button>
      </div>
      <p class="small">JPEG or PNG, up to {megabytes(mostBytes())} MB each</p>
      <input ref={chosen} type="file" accept="image/jpeg,image/png" multiple hidden onChange={pass} />
      <input ref={taken} type="file" accept="image/jpeg" capture="environment" hidden onChange={pass} />
    </div>
  );
}

function giveFiles(files: FileList | undefined | null, onFiles: OnFiles): void {
  if (files?.length) onFiles([...files]);
}

/** Whether something is being dragged over the page. */
function useDropAndPaste(onFiles: OnFiles): boolean {
  const [dropping, setDropping] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    const on = <K extends keyof WindowEventMap>(type: K, hear: (event: WindowEventMap[K]) => void) =>
      window.addEventListener(type, hear, { signal: stop.signal });
    on("dragover", (event) => {
      event.preventDefault();
      setDropping(true);
    });
    on("dragleave", (event) => {
      if (event.relatedTarget === null) setDropping(false);
    });
    on("drop", (event) => {
      event.preventDefault();
      setDropping(false);
      giveFiles(event.dataTransfer?.files, onFiles);
    });
    on("paste", (event) => giveFiles(event.clipboardData?.files, onFiles));
    return () => stop.abort();
  }, [onFiles]);
  return dropping;
}
