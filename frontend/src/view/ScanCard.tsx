import type { ComponentChildren } from "preact";
import {
  displayName,
  errorTitle,
  formatError,
  formatQuestion,
  formatRetry,
  formatState,
  formatVerdict,
  questionOf,
} from "../scan/format";
import type { Entry } from "../scan/history";
import { isUnfinished, requestIdOf, type Scan } from "../scan/machine";
import { canRetry, type Deletion } from "../scan/store";
import { DebugData, type LoadDebugData } from "./DebugData";
import type { OnAsk, OnScan } from "./FollowUps";
import { ImageWithBoxes } from "./ImageWithBoxes";
import { BusyIcon, CancelledIcon, ErrorIcon, NoIcon, NoQuestionIcon, YesIcon } from "./icons";
import { lazy } from "./lazy";
import type { Suggestions } from "./QuestionFields";
import { RemoveButton } from "./RemoveButton";
import { RequestId } from "./RequestId";
import type { ConfidenceFilter } from "./ResultPanel";

/** Loaded after the page, which has no results yet. */
const resultPanel = lazy(import("./ResultPanel"));

interface Props {
  readonly entry: Entry;
  readonly suggestions: Suggestions;
  readonly focused: boolean;
  readonly confidence: ConfidenceFilter;
  /** The deletion of the request on the service, if it is in progress or failed. */
  readonly deletion: Deletion | null;
  readonly isSubmitted: () => boolean;
  readonly onAsk: OnAsk;
  readonly onScan: OnScan;
  /** See `ImageWithBoxes`. */
  readonly onReveal: (() => void) | null;
  readonly loadDebugData: LoadDebugData;
  readonly onCancel: () => void;
  readonly onRetry: () => void;
  /** Remove the scan from the page only. */
  readonly onRemove: () => void;
  /** Delete the request on the service, too. */
  readonly onDelete: () => void;
}

export function ScanCard({ entry, suggestions, focused, confidence, loadDebugData, ...actions }: Props) {
  const { scan, preview } = entry;
  const { onAsk, onScan, onReveal } = actions;
  const { part, error } = resultPanel.value;
  const requestId = requestIdOf(scan);
  return (
    <article
      id={scan.id}
      tabIndex={-1}
      class={`card ${tone(scan)}${focused ? " focused" : ""}`}
      data-state={scan.state}
      aria-labelledby={`${scan.id}-outcome`}
    >
      <header>
        <span class="badge">{ICONS[tone(scan)]}</span>
        <div>
          <h3 id={`${scan.id}-outcome`}>
            <Outcome scan={scan} />
          </h3>
          <p class="small">{subtitle(scan)}</p>
          {scan.note && <p class="small">{scan.note}</p>}
        </div>
      </header>
      <TransientError scan={scan} />
      {actions.deletion?.state === "failed" && (
        <p class="error-message" role="alert">
          <b>Not deleted.</b> {formatError(actions.deletion.error)}
        </p>
      )}
      <UploadProgress scan={scan} />
      {scan.state === "completed" && error && <p class="error-message">{error}</p>}
      {scan.state === "completed" && part ? (
        <part.ResultPanel
          request={scan.request}
          followUps={scan.followUps}
          name={displayName(scan)}
          preview={preview}
          suggestions={suggestions}
          confidence={confidence}
          onAsk={onAsk}
          onScan={onScan}
          onReveal={onReveal}
        />
      ) : (
        <ImageWithBoxes
          preview={preview}
          name={displayName(scan)}
          onReveal={onReveal}
          canEnlarge={!isUnfinished(scan)}
        />
      )}
      {requestId && <DebugData load={loadDebugData} />}
      <footer>
        {requestId && <RequestId id={requestId} />}
        <Actions entry={entry} {...actions} />
      </footer>
    </article>
  );
}

type Tone = "busy" | "yes" | "no" | "no-question" | "error" | "idle";

const ICONS: Readonly<Record<Tone, ComponentChildren>> = {
  busy: <BusyIcon />,
  yes: <YesIcon />,
  no: <NoIcon />,
  "no-question": <NoQuestionIcon />,
  error: <ErrorIcon />,
  idle: <CancelledIcon />,
};

function tone(scan: Scan): Tone {
  if (isUnfinished(scan)) return "busy";
  if (scan.state === "completed")
    return scan.request.label_matched === null ? "no-question" : scan.request.label_matched ? "yes" : "no";
  return scan.state === "failed" ? "error" : "idle";
}

function Outcome({ scan }: { scan: Scan }) {
  if (scan.state === "completed") return <>{formatVerdict(scan.request, scan.request.labels)}</>;
  if (scan.state !== "failed") return <>{formatState(scan.state)}</>;
  return (
    <>
      {errorTitle(scan.error.kind)}: <span>{scan.error.message}</span>
    </>
  );
}

/** "tabby.jpg: “cat” at 90% or higher" */
function subtitle(scan: Scan): string {
  const question = scan.state === "completed" ? questionOf(scan.request) : scan.question;
  const details = question ? formatQuestion(question) : "Opened from a link";
  return [scan.name, details].filter(Boolean).join(": ");
}

function TransientError({ scan }: { scan: Scan }) {
  if (!("transientError" in scan) || scan.transientError === null) return null;
  const { kind, message } = scan.transientError;
  return (
    <p class="error-message">
      <b>{errorTitle(kind)}.</b> {message} {formatRetry(scan.transientError)}
    </p>
  );
}

function UploadProgress({ scan }: { scan: Scan }) {
  if (scan.state !== "uploading") return null;
  return <progress aria-label={`Uploading ${displayName(scan)}`} max={1} value={scan.sent} />;
}

type ActionsProps = Pick<
  Props,
  "entry" | "deletion" | "isSubmitted" | "onCancel" | "onRetry" | "onRemove" | "onDelete"
>;

function Actions({ entry, deletion, isSubmitted, onCancel, onRetry, onRemove, onDelete }: ActionsProps) {
  const name = displayName(entry.scan);
  if (deletion?.state === "deleting") return <p class="actions small">Deleting…</p>;
  return (
    <div class="actions">
      {isUnfinished(entry.scan) && <Action text="Cancel" name={name} onClick={onCancel} />}
      {canRetry(entry) && <Action text="Retry" name={name} onClick={onRetry} />}
      <RemoveButton text="Remove" name={name} isSubmitted={isSubmitted} onRemove={onRemove} onDelete={onDelete} />
    </div>
  );
}

function Action({ text, name, onClick }: { text: string; name: string; onClick: () => void }) {
  return (
    <button type="button" aria-label={`${text}: ${name}`} onClick={onClick}>
      {text}
    </button>
  );
}
