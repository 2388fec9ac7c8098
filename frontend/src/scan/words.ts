import type { Label, Match, MatchMode, Result, Verdict } from "../api/contract";
import type { ProblemKind } from "./problem";
import type { Question } from "./question";

/** Rounded down, so that 89.9 % never reads as the 90 % that was asked for. */
export function percent(confidence: number): string {
  return `${Math.floor(confidence)}\u00a0%`;
}

/** A confidence as it was asked for. */
export function asked(confidence: number): string {
  return `${confidence}\u00a0%`;
}

const SOME: Readonly<Record<MatchMode, string>> = { any: "any of ", all: "all of ", none: "none of " };

/** The question that a verdict answers. */
export function questionIn({ labels_asked, match_mode, min_confidence }: Verdict): Question {
  return { labels: labels_asked, match: match_mode, minConfidence: min_confidence };
}

/** "“cat” at 90 %", "any of “cat”, “dog” at 90 %". */
export function inWords({ labels, match, minConfidence }: Question): string {
  const some = labels.length > 1 || match === "none" ? SOME[match] : "";
  return `${some}${labels.map((label) => `“${label}”`).join(", ")} at ${asked(minConfidence)}`;
}

const UNCOUNTED = new Set([
  "clothing",
  "coffee",
  "food",
  "furniture",
  "grass",
  "nature",
  "outdoors",
  "sky",
  "text",
  "water",
]);

/** "a cat", "an animal", "glasses", "food". */
export function a(label: string): string {
  const name = label.toLowerCase();
  if (UNCOUNTED.has(name) || /[^su]s$/.test(name)) return name;
  return `${/^[aeiou]/.test(name) ? "an" : "a"} ${name}`;
}

/** The verdict on a question, in words. */
export function verdict(answer: Verdict): string {
  const [only, ...others] = answer.results;
  return only && others.length === 0 && answer.match_mode !== "none"
    ? finding(only, answer.min_confidence)
    : ofSeveral(answer);
}

/** What one label came to, in words. */
export function finding({ label, match, nearest }: Result, minConfidence: number): string {
  return match ? `Yes: ${shown(label, match)}, ${percent(match.confidence)}` : no(label, nearest[0], minConfidence);
}

/** "Yes: a cat (97 %) and a person (91 %)", "No: a cat (97 %), but no car". */
function ofSeveral({ results, match_mode, label_matched }: Verdict): string {
  const there = results
    .flatMap(({ label, match }) => (match ? `${shown(label, match)} (${percent(match.confidence)})` : []))
    .join(" and ");
  const missing = results
    .filter(({ matched }) => !matched)
    .map(({ label }) => `no ${label}`)
    .join(" and ");
  const isForWhatIsThere = label_matched !== (match_mode === "none");
  const reason = isForWhatIsThere ? there : [there, missing].filter(Boolean).join(", but ");
  return `${label_matched ? "Yes" : "No"}: ${reason}`;
}

function shown(wanted: string, match: Match): string {
  return `${a(match.label)}${how(wanted, match)}`;
}

function how(wanted: string, match: Match): string {
  if (wanted.toLowerCase() === match.label.toLowerCase()) return "";
  const hows = { name: "", alias: `, or ${wanted}`, parent: `, which is ${a(wanted)}`, category: `, under ${wanted}` };
  return hows[match.matched_by];
}

function no(wanted: string, nearest: Label | undefined, minConfidence: number): string {
  if (!nearest) return `No ${wanted}; nothing was recognised`;
  const seen = `${a(nearest.name)}, ${percent(nearest.confidence)}`;
  return isAsked(wanted, nearest)
    ? `No, not at ${asked(minConfidence)}: perhaps ${seen}`
    : `No ${wanted}; the nearest is ${seen}`;
}

function isAsked(wanted: string, label: Label): boolean {
  return [label.name, ...label.aliases].some((name) => name.toLowerCase() === wanted.toLowerCase());
}

const TITLES: Readonly<Record<ProblemKind, string>> = {
  offline: "You are offline",
  unavailable: "The service does not answer",
  refused: "Not accepted",
  signed_out: "You are signed out",
  unsent: "Could not be sent",
  too_large: "Too large",
  too_many: "Too many at once",
  failed: "Could not be scanned",
  timed_out: "Timed out",
  expired: "No longer known",
};

export function problemTitle(kind: ProblemKind): string {
  return TITLES[kind];
}
