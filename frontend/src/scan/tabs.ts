/** What a tab reports to the other tabs of the same user. */
export type TabMessage =
  /** Entries were added or changed. The history contains them. */
  | { readonly type: "saved"; readonly ids: readonly string[] }
  | { readonly type: "removed"; readonly ids: readonly string[] };

/** Sends images. Only one tab does so at a time. */
export interface Sender {
  /** This tab sends images from now on. */
  start(): void;
  /** Another tab will continue. */
  stop(): void;
}

/** The tabs that show the same history. */
export interface Tabs {
  /** Join the other tabs: receive their messages, and send images when it is the turn of this tab. */
  join(sender: Sender, onMessage: (message: TabMessage) => void): void;
  publish(message: TabMessage): void;
  /** Stop sending images and receiving messages. Nothing can be published afterwards. */
  leave(): void;
}
