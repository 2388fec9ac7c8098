import { render } from "preact";
import { type Authenticator, anonymous, createApiClient } from "./api/client";
import { delay, whenOnline, whenTrue, whenVisible } from "./browser";
import { type Config, readConfig } from "./config";
import { prepareImage } from "./image/prepare";
import { ScanController } from "./scan/controller";
import { openHistory } from "./scan/history";
import { Session } from "./signin/session";
import "./style.css";
import { Account } from "./view/Account";
import { App } from "./view/App";
import { FatalError } from "./view/FatalError";
import { SignIn } from "./view/SignIn";

const root = document.getElementById("page") as HTMLElement;

async function start(): Promise<void> {
  const config = await readConfig();
  if (!config.signIn) return renderApp(config, null);
  const pageUrl = new URL(".", document.baseURI).href;
  const session = new Session(config.signIn, { storage: sessionStorage, now: Date.now, navigate, pageUrl });
  const error = await handleSignInRedirect(session);
  if (session.signedIn.value) return renderApp(config, session);
  render(<SignIn error={error} onSignIn={() => signIn(session)} />, root);
}

/** Complete a sign-in if this is its redirect, and restore the URL from before it. Return the error message, if any. */
async function handleSignInRedirect(session: Session): Promise<string | null> {
  try {
    const search = await session.handleRedirect(location.search);
    if (search !== null) history.replaceState(null, "", location.pathname + search);
    return null;
  } catch (error) {
    // An authorization code can be used once. Without this, a reload would send it again and fail.
    history.replaceState(null, "", location.pathname);
    return error instanceof Error ? error.message : String(error);
  }
}

async function renderApp({ apiUrl }: Config, session: Session | null): Promise<void> {
  const scanHistory = openHistory();
  const authenticate: Authenticator = session ? (call) => session.call(call) : anonymous;
  const whenSignedIn = async (signal: AbortSignal) => session && whenTrue(session.signedIn, signal);
  const controller = new ScanController({
    api: createApiClient(apiUrl, authenticate),
    prepareImage,
    history: scanHistory,
    delay,
    whenOnline: async (signal) => void (await Promise.all([whenSignedIn(signal), whenOnline(signal)])),
    whenVisible: async (signal) => void (await Promise.all([whenSignedIn(signal), whenVisible(signal)])),
    random: Math.random,
    now: Date.now,
    newId,
  });
  const signOut = (from: Session) => {
    controller.clear();
    // The next user of this browser must not see the images of this one.
    scanHistory.clear().finally(() => from.signOut());
  };
  const account = session && (
    <Account session={session} onSignIn={() => signIn(session)} onSignOut={() => signOut(session)} />
  );
  render(<App controller={controller} account={account} />, root);
  await controller.restore();
  const requestId = new URLSearchParams(location.search).get("request");
  if (requestId) controller.openRequest(requestId);
}

function signIn(session: Session): void {
  session.begin(location.search).catch(showFatalError);
}

function navigate(url: string): void {
  location.assign(url);
}

function showFatalError(error: unknown): void {
  render(<FatalError error={error} />, root);
}

/** Generate a random ID. Unlike crypto.randomUUID, this also works outside a secure context. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}

start().catch(showFatalError);
