import type { Verdict } from "../api/contract";
import { finding } from "../scan/words";
import { NoIcon, YesIcon } from "./icons";

/** What each of several asked labels came to. A single one is told by the verdict itself. */
export function Results({ verdict }: { verdict: Verdict }) {
  if (verdict.results.length < 2) return null;
  return (
    <ul class="results" aria-label="For each label">
      {verdict.results.map((result) => (
        <li key={result.label} class={result.matched ? "found" : "missed"}>
          {result.matched ? <YesIcon /> : <NoIcon />}
          <span>{finding(result, verdict.min_confidence)}</span>
        </li>
      ))}
    </ul>
  );
}
