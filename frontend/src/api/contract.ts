/** What the service sends, key for key. Confidences are percentages (0 to 100); boxes are fractions of the upright picture. */

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly confidence: number;
}

export interface Label {
  readonly name: string;
  readonly confidence: number;
  readonly parents: readonly string[];
  readonly aliases: readonly string[];
  readonly categories: readonly string[];
  readonly boxes: readonly Box[];
}

export interface Match {
  readonly label: string;
  readonly confidence: number;
  readonly matched_by: "name" | "alias" | "parent" | "category";
  readonly boxes: readonly Box[];
}

export interface Failure {
  readonly code: string;
  readonly message: string;
}

export interface ScanRequest {
  readonly request_id: string;
  readonly status: "pending" | "completed" | "failed";
  readonly message: string;
  readonly label: string;
  readonly min_confidence: number;
  readonly label_matched: boolean | null;
  readonly match: Match | null;
  readonly nearest: readonly Label[];
  readonly labels: readonly Label[];
  readonly failure: Failure | null;
  readonly image_hash: string;
  readonly created_at: string;
  readonly completed_at: string | null;
}

const STATUSES = ["pending", "completed", "failed"];

/** Whether a body is a scan request: enough of it is looked at to tell it from an error page or another service. */
export function isScanRequest(body: unknown): body is ScanRequest {
  if (typeof body !== "object" || body === null) return false;
  const { request_id, status, labels, nearest } = body as Partial<ScanRequest>;
  return (
    typeof request_id === "string" &&
    STATUSES.includes(status ?? "") &&
    Array.isArray(labels) &&
    Array.isArray(nearest) &&
    (status !== "completed" || hasVerdict(body))
  );
}

/** What is no plain yes or no must never be read as one. */
function hasVerdict({ label_matched, match }: Partial<ScanRequest>): boolean {
  return label_matched === false || (label_matched === true && Boolean(match));
}
