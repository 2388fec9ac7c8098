/** Wait for browser conditions. Every promise rejects with the reason of the signal when it is aborted. */

export function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(resolve, milliseconds);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener("abort", stop, { once: true });
  });
}

export async function whenOnline(signal: AbortSignal): Promise<void> {
  while (!navigator.onLine) await nextEvent(window, "online", signal);
}

/** Resolves when the page is visible and online. */
export async function whenVisible(signal: AbortSignal): Promise<void> {
  while (document.hidden || !navigator.onLine) {
    if (document.hidden) await nextEvent(document, "visibilitychange", signal);
    else await nextEvent(window, "online", signal);
  }
}

function nextEvent(target: EventTarget, event: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    target.addEventListener(event, () => resolve(), { once: true, signal });
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
