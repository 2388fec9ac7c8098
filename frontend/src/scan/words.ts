import type { Label, Match, ScanRequest } from "../api/contract";
import type { ProblemKind } from "./problem";

/** Rounded down, so that 89.9 % never reads as the 90 % that was asked for. */
export function percent(confidence: number): string {
  return `${Math.floor(confidence)}\u00a0%`;
}

/** A confidence as it was asked for. */
export function asked(confidence: number): string {
  return `${confidence}\u00a0%`;
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

/** The verdict of a completed request, in words. */
export function verdict(request: ScanRequest): string {
  return request.label_matched && request.match ? yes(request, request.match) : no(request, request.nearest[0]);
}

function yes(request: ScanRequest, match: Match): string {
  return `Yes: ${a(match.label)}${how(request.label, match)}, ${percent(match.confidence)}`;
}

function how(wanted: string, match: Match): string {
  if (wanted.toLowerCase() === match.label.toLowerCase()) return "";
  const hows = { name: "", alias: `, or ${wanted}`, parent: `, which is ${a(wanted)}`, category: `, under ${wanted}` };
  return hows[match.matched_by];
}

function no(request: ScanRequest, nearest: Label | undefined): string {
  if (!nearest) return `No ${request.label}; nothing was recognised`;
  const seen = `${a(nearest.name)}, ${percent(nearest.confidence)}`;
  return isAsked(request.label, nearest)
    ? `No, not at ${asked(request.min_confidence)}: perhaps ${seen}`
    : `No ${request.label}; the nearest is ${seen}`;
}

function isAsked(wanted: string, label: Label): boolean {
  return [label.name, ...label.aliases].some((name) => name.toLowerCase() === wanted.toLowerCase());
}

const TITLES: Readonly<Record<ProblemKind, string>> = {
  offline: "You are offline",
  unavailable: "The service does not answer",
  refused: "Not accepted",
  too_large: "Too large",
  too_many: "Too many at once",
  failed: "Could not be scanned",
  timed_out: "Timed out",
  expired: "No longer known",
};

export function problemTitle(kind: ProblemKind): string {
  return TITLES[kind];
}
