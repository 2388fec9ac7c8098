/** Waiting in a browser. Every promise rejects with the signal's reason when it is aborted. */

export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
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

export async function online(signal: AbortSignal): Promise<void> {
  while (!navigator.onLine) await next(window, "online", signal);
}

export async function awake(signal: AbortSignal): Promise<void> {
  while (document.hidden || !navigator.onLine) {
    if (document.hidden) await next(document, "visibilitychange", signal);
    else await next(window, "online", signal);
  }
}

function next(target: EventTarget, event: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    target.addEventListener(event, () => resolve(), { once: true, signal });
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
