import { signal } from "@preact/signals";
import type { ErrorInfo } from "../core/errors";
import { displayName, formatError, formatOutcome, formatVerdict } from "./format";
import type { Scan, ScanEvent } from "./machine";
import { isSensitive } from "./sensitive";
import type { AskResult } from "./store";

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

  revealed(scan: Scan): void {
    this.announceToScreenReader(`${displayName(scan)} is shown`);
  }

  askedAll(result: AskResult): void {
    this.announceToScreenReader(formatAsked(result));
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
    const blurred = event.type === "completed" && isSensitive(scan) ? ". The image is blurred" : "";
    if (outcome) this.announceToScreenReader(`${displayName(scan)}: ${outcome}${blurred}`);
  }

  private announceToScreenReader(text: string): void {
    this.announcements.value = [...this.announcements.value, { id: this.newId(), text }].slice(-MAX_ANNOUNCEMENTS);
  }
}

/** "cat.jpg" or "3 images" */
export function countOrName(scans: readonly Scan[]): string {
  const [only, ...others] = scans;
  return only && others.length === 0 ? displayName(only) : countImages(scans.length);
}

/** "Asked about 300 images. 2 could not be asked. Ask again." */
export function formatAsked({ asked, failed, notScanned }: AskResult): string {
  if (asked + notScanned === 0) return "All images have answered this question.";
  const parts = [
    asked ? `Asked about ${countImages(asked)}.` : "",
    failed ? `${failed} could not be asked. Ask again.` : "",
    notScanned ? `${countImages(notScanned)} ${notScanned === 1 ? "was" : "were"} not scanned for this question.` : "",
  ];
  return parts.filter(Boolean).join(" ");
}

function countImages(count: number): string {
  return count === 1 ? "1 image" : `${count} images`;
}
