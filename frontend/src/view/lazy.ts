import { type ReadonlySignal, signal } from "@preact/signals";
import { ScanError } from "../core/errors";
import { load } from "../core/load";

/** A part of the page that is loaded after the page: null until then, with the reason if it cannot be loaded. */
interface Lazy<T> {
  readonly part: T | null;
  readonly error: string | null;
}

/** Return a part of the page that is being loaded. */
export function lazy<T>(loading: Promise<T>): ReadonlySignal<Lazy<T>> {
  const state = signal<Lazy<T>>({ part: null, error: null });
  load(loading).then(
    (part) => {
      state.value = { part, error: null };
    },
    (failure) => {
      if (!(failure instanceof ScanError)) throw failure;
      state.value = { part: null, error: failure.message };
    },
  );
  return state;
}
