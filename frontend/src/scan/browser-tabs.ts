import type { Sender, TabMessage, Tabs } from "./tabs";

/** Messages about whose turn it is to send images. A visible tab takes over from a hidden one, which browsers slow down. */
type TurnMessage = { readonly type: "hidden" } | { readonly type: "hand_over" };

/**
 * Connect the tabs of a user. The tab that holds a lock sends the images.
 *
 * @param name identifies the history of the user
 */
export function openTabs(name: string): Tabs {
  const channel = openChannel(name);
  const stopped = new AbortController();
  let turn: Turn | null = null;
  const publish = (message: TabMessage | TurnMessage) => {
    if (!stopped.signal.aborted) channel?.postMessage(message);
  };
  return {
    join(sender, onMessage) {
      const current = new Turn(`${name}.sender`, sender, () => document.hidden && publish({ type: "hidden" }));
      turn = current;
      channel?.addEventListener("message", ({ data }: MessageEvent<TabMessage | TurnMessage>) => {
        if (data.type === "hidden") return !document.hidden && current.isWaiting && publish({ type: "hand_over" });
        if (data.type === "hand_over") return document.hidden && current.handOver();
        onMessage(data);
      });
      document.addEventListener(
        "visibilitychange",
        () => {
          if (document.hidden) publish({ type: "hidden" });
          else if (current.isWaiting) publish({ type: "hand_over" });
        },
        { signal: stopped.signal },
      );
      current.wait();
      // The tab that opened this one may be hidden now.
      if (!document.hidden) publish({ type: "hand_over" });
    },
    publish,
    leave() {
      stopped.abort();
      turn?.end();
      channel?.close();
    },
  };
}

/** The turn of a tab to send images. */
class Turn {
  isWaiting = false;
  private release: (() => void) | null = null;
  private readonly ended = new AbortController();

  constructor(
    private readonly lock: string,
    private readonly sender: Sender,
    private readonly onStart: () => void,
  ) {}

  wait(): void {
    // Browsers support locks only in a secure context.
    if (!navigator.locks) {
      this.sender.start();
      return;
    }
    this.isWaiting = true;
    navigator.locks.request(this.lock, { signal: this.ended.signal }, () => this.hold()).catch(() => this.failed());
  }

  /** Let another tab send, and wait for the next turn. */
  handOver(): void {
    if (!this.release) return;
    this.stop();
    this.wait();
  }

  end(): void {
    this.ended.abort();
    this.stop();
  }

  private hold(): Promise<void> {
    this.isWaiting = false;
    const held = new Promise<void>((resolve) => {
      this.release = resolve;
    });
    this.sender.start();
    this.onStart();
    return held;
  }

  private stop(): void {
    this.sender.stop();
    this.release?.();
    this.release = null;
  }

  /** The browser does not support locks here, so every tab sends its images. */
  private failed(): void {
    this.isWaiting = false;
    if (!this.ended.signal.aborted) this.sender.start();
  }
}

/** Return null if the browser blocks channels. Without a channel, each tab shows the others' changes after a reload. */
function openChannel(name: string): BroadcastChannel | null {
  try {
    return new BroadcastChannel(name);
  } catch {
    return null;
  }
}
