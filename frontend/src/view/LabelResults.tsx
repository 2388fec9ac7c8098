import type { Label, Verdict } from "../api/types";
import { formatLabelResult } from "../scan/format";
import { NoIcon, YesIcon } from "./icons";

/** The result for each of several labels. For a single label, the verdict itself is enough. */
export function LabelResults({ verdict, labels }: { verdict: Verdict; labels: readonly Label[] }) {
  if (verdict.results.length < 2) return null;
  return (
    <ul class="results" aria-label="Results by label">
      {verdict.results.map((result) => (
        <li key={result.label} class={result.matched ? "found" : "missed"}>
          {result.matched ? <YesIcon /> : <NoIcon />}
          <span>{formatLabelResult(result, verdict.min_confidence, labels)}</span>
        </li>
      ))}
    </ul>
  );
}
