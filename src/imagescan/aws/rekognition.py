"""Amazon Rekognition as the detector.

Source of the error codes: the Amazon Rekognition API reference, DetectLabels, "Errors", and "Error handling".
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
from imagescan.domain.labels import LOWEST_CONFIDENCE, Box, Label

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_rekognition.type_defs import InstanceTypeDef, LabelTypeDef, S3ObjectTypeDef

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
    """Calls DetectLabels at the rate that the rate limiter allows. It is thread-safe.

    ``clock`` returns seconds since the epoch. An instance serves one execution environment and remembers when a call
    last succeeded there.
    """

    client: "RekognitionClient"
    bucket: str
    rate_limiter: AdaptiveRateLimiter
    clock: Callable[[], float] = time.time
    _succeeded_at: float = field(default=-math.inf, init=False)

    def detect(self, stored: StoredObject) -> Detection:
        """Return the labels of this version of the object from ``LOWEST_CONFIDENCE`` percent.

        Raise ImageRejected, DetectorConfigurationError or, for transient and unknown errors, TransientDetectorError.
        Rejected parameters raise InvalidParametersError. All calls have the same parameters except for the object, so
        the image is at fault if another call succeeded within ``PROOF_SECONDS``.
        """
        location: S3ObjectTypeDef = {"Bucket": self.bucket, "Name": stored.key}
        if stored.version:
            location["Version"] = stored.version
        slot = self.rate_limiter.acquire()
        try:
            response = self.client.detect_labels(Image={"S3Object": location}, MinConfidence=LOWEST_CONFIDENCE)
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
        return Detection(tuple(_label(label) for label in response["Labels"]), response["LabelModelVersion"])

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


def _label(label: "LabelTypeDef") -> Label:
    return Label(
        name=label["Name"],
        confidence=round(label["Confidence"], 4),
        parents=tuple(parent["Name"] for parent in label.get("Parents", [])),
        aliases=tuple(alias["Name"] for alias in label.get("Aliases", [])),
        categories=tuple(category["Name"] for category in label.get("Categories", [])),
        boxes=tuple(_box(instance) for instance in label.get("Instances", [])),
    )


def _box(instance: "InstanceTypeDef") -> Box:
    box = instance["BoundingBox"]
    return Box(
        left=round(box["Left"], 5),
        top=round(box["Top"], 5),
        width=round(box["Width"], 5),
        height=round(box["Height"], 5),
        confidence=round(instance["Confidence"], 4),
    )
