import { type ProblemKind, problem, ScanProblem } from "../scan/problem";
import { type Header, readHeader } from "./header";

/** The service's own limits: bytes of a picture uploaded, and of one sent in a request; pixels of each side. */
export const MOST_BYTES = 15 * 1024 * 1024;
export const MOST_POSTED_BYTES = 4_500_000;
export const FEWEST_PIXELS = 80;
export const MOST_PIXELS = 10_000;

/**
 * The header of a picture of so many bytes that begins with this head.
 *
 * @param most the bytes that may be sent
 * @throws ScanProblem that says why the service would refuse the picture
 */
export function accepted(head: Uint8Array, size: number, most: number): Header {
  const header = readHeader(head);
  if (header === null) throw refusal("refused", "This is not a JPEG or PNG picture.");
  if (size > most) throw refusal("too_large", tooManyBytes(size, most));
  const sides = [header.width, header.height];
  if (sides.some((side) => side > MOST_PIXELS))
    throw refusal("too_large", `${pixels(header)}; each side may have ${MOST_PIXELS.toLocaleString("en")} at most.`);
  if (sides.some((side) => side < FEWEST_PIXELS))
    throw refusal("refused", `${pixels(header)}; each side must have at least ${FEWEST_PIXELS}.`);
  return header;
}

function refusal(kind: ProblemKind, message: string): ScanProblem {
  return new ScanProblem(problem(kind, message));
}

function pixels({ width, height }: Header): string {
  return `The picture has ${width} × ${height} pixels`;
}

/** Rounded away from each other, so that a picture just over the limit does not read as being at it. */
function tooManyBytes(bytes: number, most: number): string {
  return `The picture has ${megabytes(bytes, Math.ceil)} MB; ${megabytes(most)} MB are the most.`;
}

/** "4.5" */
export function megabytes(bytes: number, round = Math.floor): string {
  return (round(bytes / 100_000) / 10).toFixed(1);
}
