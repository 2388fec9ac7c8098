import { effect } from "@preact/signals";
import { options, render } from "preact";
import { combineCalls } from "./api/batches";
import { type Authenticator, anonymous, createApiClient } from "./api/client";
import { delay, whenOnline, whenVisible } from "./browser";
import { type Config, readConfig } from "./config";
import { load } from "./core/load";
import { openTabs } from "./scan/browser-tabs";
import { ScanController } from "./scan/controller";
import {
  databaseName,
  deleteHistories,
  deleteSharedHistory,
  type HistoryDatabase,
  openHistory,
  savedHistories,
} from "./scan/history";
import type { Session } from "./signin/session";
import { signOut } from "./signin/sign-out";
import "./style.css";
import { Account } from "./view/Account";
import { App } from "./view/App";
import { FatalError } from "./view/FatalError";
import { parseRequestId } from "./view/OpenRequest";
import { SignIn } from "./view/SignIn";
import { SignOut } from "./view/SignOut";

/** Milliseconds. */
const CHEAP_RENDER = 8;
const MAX_RENDER_DELAY = 300;

limitRendering();

// Loaded after the page, which is shown without it. An error is shown when an image is added.
const imagePreparation = import("./image/prepare");
imagePreparation.catch(() => {});

const root = document.getElementById("page") as HTMLElement;

async function start(): Promise<void> {
  const config = await readConfig();
  // Another tab with an earlier version can delay the deletion. The database is not used any more.
  deleteSharedHistory().catch(() => {});
  if (!config.signIn) return renderApp(config, null, await databaseName(null));
  const pageUrl = new URL(".", document.baseURI).href;
  const { Session } = await import("./signin/session");
  const session = new Session(config.signIn, { storage: sessionStorage, now: Date.now, navigate, pageUrl });
  // The browser can restore the page as it was before another user signed in.
  window.addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  const error = await handleSignInRedirect(session);
  if (!session.user) return renderSignIn(session, error);
  return renderApp(config, session, await databaseName(session.user));
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
    return toMessage(error);
  }
}

async function renderApp({ apiUrl }: Config, session: Session | null, name: string): Promise<void> {
  const database = openHistory(name);
  const authenticate: Authenticator = session ? (call) => session.call(call) : anonymous;
  const controller = new ScanController({
    api: combineCalls(createApiClient(apiUrl, authenticate)),
    prepareImage: async (...image) => (await load(imagePreparation)).prepareImage(...image),
    history: database,
    tabs: openTabs(name),
    delay,
    whenOnline,
    whenVisible,
    random: Math.random,
    now: Date.now,
    newId,
  });
  const page = { controller, database };
  warnBeforeLeaving(controller);
  const account = session && <Account onSignOut={watchSession(session, page)} />;
  const linked = new URLSearchParams(location.search).get("request") ?? "";
  const requestId = parseRequestId(linked);
  render(<App controller={controller} invalidId={requestId ? "" : linked} account={account} />, root);
  await controller.restore();
  if (requestId) controller.openRequest(requestId);
}

/** Ask for confirmation while leaving would lose images. */
function warnBeforeLeaving({ store }: ScanController): void {
  const confirm = (event: BeforeUnloadEvent) => event.preventDefault();
  effect(() => {
    // A page with such a listener cannot be restored by the back button, so it exists only when necessary.
    if (!store.wouldLoseImages.value) return;
    window.addEventListener("beforeunload", confirm);
    return () => window.removeEventListener("beforeunload", confirm);
  });
}

/** The images of the user of a page. */
interface UserData {
  readonly controller: ScanController;
  readonly database: HistoryDatabase;
}

/**
 * Hide the images when the session ends, because the next user of this tab may be another one.
 *
 * @returns a function that signs out, here and in the other tabs of the user
 */
function watchSession(session: Session, data: UserData): () => void {
  // A channel does not receive its own messages. Every tab has tokens of its own.
  const signOuts = new BroadcastChannel("imagescan.sign-out");
  signOuts.addEventListener("message", ({ data: user }) => {
    if (user === session.user) signOutWithOtherTab(session, data);
  });
  session.signedIn.subscribe((signedIn) => {
    if (signedIn || data.controller.store.isClosed) return;
    data.controller.suspend();
    renderSignIn(session, "Your session has expired. Sign in again to see your images. Unfinished scans resume then.");
  });
  return () => {
    data.controller.suspend();
    signOuts.postMessage(session.user);
    signOutAndLeave(session, data);
  };
}

async function signOutAndLeave(session: Session, { database }: UserData): Promise<void> {
  const attempt = async () => {
    renderErrors(null);
    const errors = await signOut(session, database.destroy);
    if (errors.length) renderErrors(errors);
    else session.leave();
  };
  const renderErrors = (errors: readonly string[] | null) =>
    render(<SignOut errors={errors} onRetry={attempt} onContinue={() => session.leave()} />, root);
  await attempt();
}

async function signOutWithOtherTab(session: Session, { controller, database }: UserData): Promise<void> {
  controller.suspend();
  const errors = await signOut(session, database.destroy);
  renderSignIn(session, ["You signed out in another tab.", ...errors].join(" "));
}

async function renderSignIn(session: Session, error: string | null): Promise<void> {
  const renderWith = (hasSavedImages: boolean) =>
    render(
      <SignIn
        error={error}
        hasSavedImages={hasSavedImages}
        onSignIn={() => session.begin(location.search).catch(showFatalError)}
        onClear={() => deleteHistories().then(() => null, toMessage)}
      />,
      root,
    );
  renderWith(false);
  renderWith((await savedHistories()).length > 0);
}

function toMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
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

/** With a thousand images, rendering after each change would take most of the time. Limit it to about a quarter. */
function limitRendering(): void {
  let cost = 0;
  options.debounceRendering = (renderChanges) => {
    const render = () => {
      const startedAt = performance.now();
      renderChanges();
      cost = performance.now() - startedAt;
    };
    if (cost < CHEAP_RENDER) queueMicrotask(render);
    else setTimeout(render, Math.min(MAX_RENDER_DELAY, 3 * cost));
  };
}

start().catch(showFatalError);
