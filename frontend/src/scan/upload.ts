import type { ApiClient, OnProgress, Reply, Submission } from "../api/client";
import { errorInfo, ScanError } from "../core/errors";
import { MAX_BODY_BYTES } from "../image/limits";

/** Sends an image to the API. After a failure, call it again to resume where possible. */
export type Upload = (signal: AbortSignal, onProgress: OnProgress) => Promise<Reply>;

/** Called with every request that an upload creates. */
export type OnSubmitted = (requestId: string) => void;

type UploadApi = Pick<ApiClient, "submitHash" | "upload" | "submitBytes">;

/**
 * Create the upload of a submission. An image is submitted by its hash, so that a known image is not uploaded. Unknown
 * images are uploaded to S3, if the page has their bytes. Without a hash, the bytes are sent in the request body.
 *
 * @param now returns milliseconds since 1970
 */
export function createUpload(
  submission: Submission,
  api: UploadApi,
  now: () => number,
  onSubmitted: OnSubmitted = () => {},
): Upload {
  const { hash, file } = submission;
  const report = async (submitting: Promise<Reply>) => {
    const reply = await submitting;
    onSubmitted(reply.request.request_id);
    return reply;
  };
  if (hash === null)
    return (signal, onProgress) => report(api.submitBytes({ ...submission, file: bytesOf(file) }, signal, onProgress));

  let submitted: Reply | null = null;
  return async (signal, onProgress) => {
    if (!isUrlValid(submitted, now())) submitted = await report(api.submitHash({ ...submission, hash }, signal));
    const { upload } = submitted.request;
    if (!upload) return submitted;
    const bytes = bytesOf(file);
    try {
      await api.upload(upload, bytes, signal, onProgress);
      return submitted;
    } catch (error) {
      const kind = error instanceof ScanError ? error.info.kind : null;
      if (kind === "upload_failed") submitted = null;
      // Some networks block S3 but not the API.
      if (kind === "unavailable" && file.size <= MAX_BODY_BYTES)
        return report(api.submitBytes({ ...withFallbackKey(submission), file: bytes }, signal, onProgress));
      throw error;
    }
  };
}

/** @throws ScanError if the page has only a description of the image */
function bytesOf(file: Submission["file"]): Blob {
  if (file instanceof Blob) return file;
  throw new ScanError(errorInfo("rejected", "The service no longer stores this image. Add it again."));
}

function isUrlValid(submitted: Reply | null, now: number): submitted is Reply {
  const target = submitted?.request.upload;
  return Boolean(target && now < Date.parse(target.expires_at));
}

/** The first request waits for a direct upload. Its key is kept for that, so the posted bytes get a key of their own. */
function withFallbackKey(submission: Submission): Submission {
  return { ...submission, key: `${submission.key}.posted` };
}
