import type { ReadonlySignal } from "@preact/signals";

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

/** Resolves once the flag is up. */
export async function until(flag: ReadonlySignal<boolean>, signal: AbortSignal): Promise<void> {
  if (flag.value) return;
  await new Promise<void>((resolve, reject) => {
    const stop = flag.subscribe((up) => up && resolve());
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    signal.addEventListener("abort", stop, { once: true });
  });
}

function next(target: EventTarget, event: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    target.addEventListener(event, () => resolve(), { once: true, signal });
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
