import type { ComponentChildren } from "preact";
import type { Entry } from "../history";
import { canRetry, nameOf } from "../scan/desk";
import { isUnfinished, requestIdOf, type Scan } from "../scan/machine";
import { inWords, problemTitle, questionIn, verdict } from "../scan/words";
import { Answer } from "./Answer";
import type { OnAsk } from "./Further";
import { BusyIcon, NoIcon, ProblemIcon, YesIcon } from "./icons";
import { Picture } from "./Picture";
import { RequestId } from "./RequestId";

interface Props {
  readonly entry: Entry;
  readonly suggestions: readonly string[];
  readonly pointedAt: boolean;
  readonly onAsk: OnAsk;
  readonly onCancel: () => void;
  readonly onRetry: () => void;
  readonly onForget: () => void;
}

export function Card({ entry, suggestions, pointedAt, onAsk, ...actions }: Props) {
  const { scan, preview } = entry;
  const requestId = requestIdOf(scan);
  return (
    <article
      id={scan.id}
      tabIndex={-1}
      class={`card ${tone(scan)}${pointedAt ? " pointed-at" : ""}`}
      data-state={scan.state}
      aria-labelledby={`${scan.id}-outcome`}
    >
      <header>
        <span class="badge">{ICONS[tone(scan)]}</span>
        <div>
          <h3 id={`${scan.id}-outcome`}>
            <Outcome scan={scan} />
          </h3>
          <p class="small">{subject(scan)}</p>
        </div>
      </header>
      <Setback scan={scan} />
      <Sending scan={scan} />
      {scan.state === "answered" ? (
        <Answer
          request={scan.request}
          further={scan.further}
          name={nameOf(scan)}
          preview={preview}
          suggestions={suggestions}
          onAsk={onAsk}
        />
      ) : (
        <Picture preview={preview} name={nameOf(scan)} boxes={[]} />
      )}
      <footer>
        {requestId && <RequestId id={requestId} />}
        <Actions entry={entry} {...actions} />
      </footer>
    </article>
  );
}

type Tone = "busy" | "yes" | "no" | "problem" | "idle";

const ICONS: Readonly<Record<Tone, ComponentChildren>> = {
  busy: <BusyIcon />,
  yes: <YesIcon />,
  no: <NoIcon />,
  problem: <ProblemIcon />,
  idle: <NoIcon />,
};

function tone(scan: Scan): Tone {
  if (isUnfinished(scan)) return "busy";
  if (scan.state === "answered") return scan.request.label_matched ? "yes" : "no";
  return scan.state === "failed" ? "problem" : "idle";
}

const UNANSWERED = {
  queued: "Waiting for its turn",
  checking: "Being checked",
  sending: "Being sent",
  waiting: "Being looked at",
  cancelled: "Cancelled",
};

function Outcome({ scan }: { scan: Scan }) {
  if (scan.state === "answered") return <>{verdict(scan.request)}</>;
  if (scan.state !== "failed") return <>{UNANSWERED[scan.state]}</>;
  return (
    <>
      {problemTitle(scan.problem.kind)}: <span>{scan.problem.message}</span>
    </>
  );
}

/** "tabby.jpg, asked for “cat” at 90 %" */
function subject(scan: Scan): string {
  const question = scan.state === "answered" ? questionIn(scan.request) : scan.question;
  const what = question ? `asked for ${inWords(question)}` : "opened by its link";
  return [scan.name, what].filter(Boolean).join(", ");
}

function Setback({ scan }: { scan: Scan }) {
  if (!("setback" in scan) || scan.setback === null) return null;
  return (
    <p class="setback">
      <b>{problemTitle(scan.setback.kind)}.</b> {scan.setback.message} It goes on by itself.
    </p>
  );
}

function Sending({ scan }: { scan: Scan }) {
  if (scan.state !== "sending") return null;
  return <progress aria-label={`Sending ${nameOf(scan)}`} max={1} value={scan.sent} />;
}

function Actions({ entry, onCancel, onRetry, onForget }: Pick<Props, "entry" | "onCancel" | "onRetry" | "onForget">) {
  const name = nameOf(entry.scan);
  return (
    <div class="actions">
      {isUnfinished(entry.scan) && <Action text="Cancel" name={name} onClick={onCancel} />}
      {canRetry(entry) && <Action text="Try again" name={name} onClick={onRetry} />}
      <Action text="Forget" name={name} onClick={onForget} />
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
