/** HTTP status codes of the errors that Rekognition documents for DetectLabels. All others are 400. */
const STATUS = /** @type {Record<string, number>} */ ({ InternalServerError: 500, ThrottlingException: 500 });

/** An error with the code and message of the service. */
export class ServiceError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {number} [status] HTTP status
   */
  constructor(code, message, status = STATUS[code] ?? 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** @param {string} [detail] */
export const invalidParameter = (detail) =>
  new ServiceError("InvalidParameterException", ["Request has invalid parameters", detail].filter(Boolean).join(": "));

export const invalidImageFormat = () => new ServiceError("InvalidImageFormatException", "Request has invalid image format");

/** @param {string} message */
export const imageTooLarge = (message) => new ServiceError("ImageTooLargeException", message);

export const invalidS3Object = () =>
  new ServiceError(
    "InvalidS3ObjectException",
    "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
  );
