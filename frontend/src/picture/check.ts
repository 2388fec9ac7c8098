import { type ProblemKind, problem, ScanProblem } from "../scan/problem";
import { type Header, readHeader } from "./header";

/** The service's own limits: bytes of a picture sent in a request, and pixels of each side. */
export const MOST_BYTES = 4_500_000;
export const FEWEST_PIXELS = 80;
export const MOST_PIXELS = 10_000;

/**
 * The header of a picture of so many bytes that begins with this head.
 *
 * @throws ScanProblem that says why the service would refuse the picture
 */
export function accepted(head: Uint8Array, size: number): Header {
  const header = readHeader(head);
  if (header === null) throw refusal("refused", "This is not a JPEG or PNG picture.");
  if (size > MOST_BYTES) throw refusal("too_large", tooManyBytes(size));
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

function tooManyBytes(bytes: number): string {
  return `The picture has ${megabytes(bytes)} MB; ${megabytes(MOST_BYTES)} MB are the most.`;
}

/** Rounded up, so that a picture just over the limit does not read as being at it. */
function megabytes(bytes: number): string {
  return (Math.ceil(bytes / 100_000) / 10).toFixed(1);
}
