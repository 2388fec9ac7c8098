import type { OnProgress, Reply, Service, Submission } from "../api/client";
import { MOST_POSTED_BYTES } from "../picture/check";
import { ScanProblem } from "./problem";

/** Brings a picture to the service; called again after a failure, it goes on where that is possible. */
export type Delivery = (signal: AbortSignal, onProgress: OnProgress) => Promise<Reply>;

type Ways = Pick<Service, "announce" | "upload" | "post">;

/**
 * A picture is announced by its hash, so that one the service knows is not sent at all; the bytes of others go straight
 * to the storage. Where the page cannot compute a hash, they go with the question.
 *
 * @param now milliseconds since 1970
 */
export function deliveryOf(submission: Submission, service: Ways, now: () => number): Delivery {
  const { hash, file } = submission;
  if (hash === null) return (signal, onProgress) => service.post(submission, signal, onProgress);

  let announced: Reply | null = null;
  return async (signal, onProgress) => {
    if (!isOpen(announced, now())) announced = await service.announce({ ...submission, hash }, signal);
    const { upload } = announced.request;
    if (!upload) return announced;
    try {
      await service.upload(upload, file, signal, onProgress);
      return announced;
    } catch (error) {
      const kind = error instanceof ScanProblem ? error.problem.kind : null;
      if (kind === "unsent") announced = null;
      // A network may keep a page from the storage that lets it reach the service.
      if (kind === "unavailable" && file.size <= MOST_POSTED_BYTES)
        return service.post(asAnother(submission), signal, onProgress);
      throw error;
    }
  };
}

function isOpen(announced: Reply | null, now: number): announced is Reply {
  const upload = announced?.request.upload;
  return Boolean(upload && now < Date.parse(upload.expires_at));
}

/** The announced request waits for an upload; under its key, bytes sent in any other way would be passed over. */
function asAnother(submission: Submission): Submission {
  return { ...submission, key: `${submission.key}.posted` };
}
