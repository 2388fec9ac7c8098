import type { Label, Verdict } from "../api/types";
import { formatTermResult } from "../scan/format";
import { NoIcon, YesIcon } from "./icons";

/** The result for each of several terms. For a single term, the verdict itself is enough. */
export function TermResults({ verdict, labels }: { verdict: Verdict; labels: readonly Label[] }) {
  if (verdict.results.length < 2) return null;
  return (
    <ul class="results" aria-label="Results by label or text">
      {verdict.results.map((result) => (
        <li key={`${result.feature} ${result.label}`} class={result.matched ? "found" : "missed"}>
          {result.matched ? <YesIcon /> : <NoIcon />}
          <span>{formatTermResult(result, verdict.min_confidence, labels)}</span>
        </li>
      ))}
    </ul>
  );
}
