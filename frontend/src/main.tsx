import { render } from "preact";
import { serviceAt } from "./api/client";
import { readApiUrl } from "./config";
import { openHistory } from "./history";
import { prepare } from "./picture/prepare";
import { Desk } from "./scan/desk";
import "./style.css";
import { awake, online, pause } from "./surroundings";
import { App } from "./view/App";
import { Lost } from "./view/Lost";

const root = document.getElementById("page") as HTMLElement;

async function start(): Promise<void> {
  const desk = new Desk({
    service: serviceAt(await readApiUrl()),
    prepare,
    history: openHistory(),
    pause,
    online,
    awake,
    random: Math.random,
    now: Date.now,
    newId,
  });
  render(<App desk={desk} />, root);
  await desk.restore();
  const requested = new URLSearchParams(location.search).get("request");
  if (requested) desk.open(requested);
}

/** Unlike crypto.randomUUID, it is there without a secure context, too. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}

start().catch((error: unknown) => render(<Lost error={error} />, root));
