"""Amazon Rekognition as the detector. One instance makes the calls of one feature.

Source of the error codes: the Amazon Rekognition API reference, "Error handling" and "Errors" of DetectLabels,
DetectModerationLabels and DetectText. They are the same, except that DetectModerationLabels has two more: one of human
reviews and one of custom adapters, which this service does not use.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from imagescan.aws.rate_limiter import AdaptiveRateLimiter
from imagescan.domain.detection import (
    Detection,
    DetectionError,
    DetectorConfigurationError,
    ImageRejected,
    InvalidParametersError,
    TransientDetectorError,
)
from imagescan.domain.image import IMAGE_INVALID, StoredObject
from imagescan.domain.image_record import Failure

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_rekognition.type_defs import ImageTypeDef, S3ObjectTypeDef

type Detect = Callable[["RekognitionClient", "ImageTypeDef"], Detection]

PROOF_SECONDS = 3600.0
"""Time for which a successful call proves that the parameters of this deployment are valid."""

IMAGE_ERRORS = {
    "InvalidImageFormatException": IMAGE_INVALID,
    "ImageTooLargeException": Failure(
        "image_too_large", "The image exceeds 15 MB or 10,000 pixels per side. Scale it down."
    ),
}
CONFIGURATION_ERRORS = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidS3ObjectException",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "NotAuthorized",
        "OptInRequired",
        "ResourceNotFoundException",
        "UnrecognizedClientException",
        "ValidationException",
    }
)
_THROTTLING_ERRORS = frozenset({"ProvisionedThroughputExceededException", "ThrottlingException"})


@dataclass(slots=True)
class Rekognition:
    """Calls one API at the rate that the rate limiter allows. It is thread-safe.

    Each API has a quota of its own, so each instance needs its own rate limiter. ``detect_image`` makes the call.
    ``clock`` returns seconds since the epoch. An instance serves one execution environment and remembers when a call
    last succeeded there.
    """

    client: "RekognitionClient"
    bucket: str
    detect_image: Detect
    rate_limiter: AdaptiveRateLimiter
    clock: Callable[[], float] = time.time
    _succeeded_at: float = field(default=-math.inf, init=False)

    def detect(self, stored: StoredObject) -> Detection:
        """Return what is found in this version of the object.

        Raise ImageRejected, DetectorConfigurationError or, for transient and unknown errors, TransientDetectorError.
        Rejected parameters raise InvalidParametersError. All calls have the same parameters except for the object, so
        the image is at fault if another call succeeded within ``PROOF_SECONDS``.
        """
        location: S3ObjectTypeDef = {"Bucket": self.bucket, "Name": stored.key}
        if stored.version:
            location["Version"] = stored.version
        slot = self.rate_limiter.acquire()
        try:
            detection = self.detect_image(self.client, {"S3Object": location})
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _THROTTLING_ERRORS:
                self.rate_limiter.on_throttle(slot)
            else:
                self.rate_limiter.on_success()
            raise classify_error(code, is_image_at_fault=self._has_proof()) from error
        except (ConnectTimeoutError, EndpointConnectionError) as error:
            raise TransientDetectorError(type(error).__name__) from error
        except BotoCoreError as error:  # the request was sent but no response arrived
            raise TransientDetectorError(type(error).__name__, may_be_billed=True) from error
        self.rate_limiter.on_success()
        self._succeeded_at = self.clock()
        return detection

    def _has_proof(self) -> bool:
        return self.clock() - self._succeeded_at <= PROOF_SECONDS


def classify_error(code: str, *, is_image_at_fault: bool = False) -> DetectionError:
    """Return the error for a Rekognition error code. Unknown codes are transient.

    ``is_image_at_fault`` applies to rejected parameters only.
    """
    if code in IMAGE_ERRORS:
        return ImageRejected(code, IMAGE_ERRORS[code])
    if code == "InvalidParameterException":
        return InvalidParametersError(code, is_image_at_fault=is_image_at_fault)
    return DetectorConfigurationError(code) if code in CONFIGURATION_ERRORS else TransientDetectorError(code)
