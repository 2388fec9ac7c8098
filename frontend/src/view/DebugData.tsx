import { useState } from "preact/hooks";
import { ScanError } from "../core/errors";
import { formatError } from "../scan/format";

/** Rejects with a ScanError if the service does not return the data. */
export type LoadDebugData = () => Promise<object>;

/** What the service stores about a request and its image. It is loaded whenever the view is opened. */
export function DebugData({ load }: { load: LoadDebugData }) {
  const [data, setData] = useState<object | null>(null);
  const [error, setError] = useState<string | null>(null);
  const reload = async () => {
    try {
      setData(await load());
      setError(null);
    } catch (failure) {
      if (!(failure instanceof ScanError)) throw failure;
      setError(formatError(failure.info));
    }
  };
  return (
    <details onToggle={({ currentTarget }) => currentTarget.open && reload()}>
      <summary>Debug data</summary>
      {error && (
        <p class="error-message small" role="alert">
          {error}
        </p>
      )}
      {data && (
        <dl class="debug" aria-label="Debug data">
          {flatten(data).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
    </details>
  );
}

/** Return the values of nested objects with their paths: `[["image.attempts", "1"]]`. */
export function flatten(data: object, path = ""): [string, string][] {
  return Object.entries(data).flatMap(([key, value]): [string, string][] =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? flatten(value, `${path}${key}.`)
      : [[`${path}${key}`, typeof value === "string" ? value : JSON.stringify(value)]],
  );
}
