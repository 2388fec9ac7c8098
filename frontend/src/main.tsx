import { render } from "preact";
import { type AsCaller, asAnybody, serviceAt } from "./api/client";
import { type Config, readConfig } from "./config";
import { openHistory } from "./history";
import { prepare } from "./picture/prepare";
import { Desk } from "./scan/desk";
import { Session } from "./signin/session";
import "./style.css";
import { awake, online, pause, until } from "./surroundings";
import { Account } from "./view/Account";
import { App } from "./view/App";
import { Lost } from "./view/Lost";
import { SignIn } from "./view/SignIn";

const root = document.getElementById("page") as HTMLElement;

async function start(): Promise<void> {
  const config = await readConfig();
  if (!config.signIn) return show(config, null);
  const page = new URL(".", document.baseURI).href;
  const session = new Session(config.signIn, { storage: sessionStorage, now: Date.now, go, page });
  const trouble = await comeBack(session);
  if (session.signedIn.value) return show(config, session);
  render(<SignIn problem={trouble} onSignIn={() => signIn(session)} />, root);
}

/** Takes what the sign-in page sent, and shows the address that was left for it. Gives what went wrong, in words. */
async function comeBack(session: Session): Promise<string | null> {
  const sent = location.search;
  try {
    const left = await session.complete(sent);
    if (left !== null) history.replaceState(null, "", location.pathname + left);
    return null;
  } catch (error) {
    // A code is good for one use: a reload would only be refused.
    history.replaceState(null, "", location.pathname);
    return error instanceof Error ? error.message : String(error);
  }
}

async function show({ apiUrl }: Config, session: Session | null): Promise<void> {
  const kept = openHistory();
  const asCaller: AsCaller = session ? (call) => session.call(call) : asAnybody;
  const present = async (signal: AbortSignal) => session && until(session.signedIn, signal);
  const desk = new Desk({
    service: serviceAt(apiUrl, asCaller),
    prepare,
    history: kept,
    pause,
    online: async (signal) => void (await Promise.all([present(signal), online(signal)])),
    awake: async (signal) => void (await Promise.all([present(signal), awake(signal)])),
    random: Math.random,
    now: Date.now,
    newId,
  });
  const signOut = (from: Session) => {
    desk.forgetAll();
    // What one person asked is nobody else's business.
    kept.clear().finally(() => from.signOut());
  };
  const account = session && (
    <Account session={session} onSignIn={() => signIn(session)} onSignOut={() => signOut(session)} />
  );
  render(<App desk={desk} account={account} />, root);
  await desk.restore();
  const requested = new URLSearchParams(location.search).get("request");
  if (requested) desk.open(requested);
}

function signIn(session: Session): void {
  session.begin(location.search).catch(lost);
}

function go(url: string): void {
  location.assign(url);
}

function lost(error: unknown): void {
  render(<Lost error={error} />, root);
}

/** Unlike crypto.randomUUID, it is there without a secure context, too. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}

start().catch(lost);
