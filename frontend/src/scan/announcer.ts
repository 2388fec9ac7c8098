import { signal } from "@preact/signals";
import type { ErrorInfo } from "../core/errors";
import { displayName, formatError, formatOutcome, formatVerdict } from "./format";
import type { Scan, ScanEvent } from "./machine";

const MAX_ANNOUNCEMENTS = 6;

/** The latest status messages for screen readers. */
export class Announcer {
  readonly announcements = signal<readonly { readonly id: string; readonly text: string }[]>([]);

  constructor(private readonly newId: () => string) {}

  added(names: readonly (string | null)[]): void {
    this.announceToScreenReader(names.length === 1 ? `${names[0]} added` : `${names.length} images added`);
  }

  notAdded(): void {
    this.announceToScreenReader("The images were not added, because the question is invalid");
  }

  duplicate(scan: Scan): void {
    this.announceToScreenReader(`${displayName(scan)} was already added`);
  }

  deleted(scan: Scan): void {
    this.announceToScreenReader(`${displayName(scan)} deleted`);
  }

  notDeleted(scan: Scan, error: ErrorInfo): void {
    this.announceToScreenReader(`${displayName(scan)} could not be deleted. ${formatError(error)}`);
  }

  /** Remove all messages. */
  reset(): void {
    this.announcements.value = [];
  }

  askedAll(asked: number, failed: number): void {
    this.announceToScreenReader(formatAsked(asked, failed));
  }

  removed(scans: readonly Scan[]): void {
    this.announceToScreenReader(`${countOrName(scans)} removed`);
  }

  restored(scans: readonly Scan[]): void {
    this.announceToScreenReader(`${countOrName(scans)} restored`);
  }

  /** Announce the result or the error that an event led to, if any. */
  changed(scan: Scan, event: ScanEvent): void {
    const outcome =
      event.type === "follow_up" && scan.state === "completed"
        ? formatVerdict(event.verdict, scan.request.labels)
        : formatOutcome(scan);
    if (outcome) this.announceToScreenReader(`${displayName(scan)}: ${outcome}`);
  }

  private announceToScreenReader(text: string): void {
    this.announcements.value = [...this.announcements.value, { id: this.newId(), text }].slice(-MAX_ANNOUNCEMENTS);
  }
}

/** "cat.jpg" or "3 images" */
export function countOrName(scans: readonly Scan[]): string {
  const [only, ...others] = scans;
  return only && others.length === 0 ? displayName(only) : `${scans.length} images`;
}

/** "Asked about 300 images. 2 could not be asked." */
export function formatAsked(asked: number, failed: number): string {
  if (asked === 0) return "All images have answered this question.";
  const failures = failed ? ` ${failed} could not be asked. Ask again.` : "";
  return `Asked about ${asked === 1 ? "1 image" : `${asked} images`}.${failures}`;
}
