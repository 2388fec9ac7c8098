"""Amazon Rekognition as the detector.

Source of the error codes: the Amazon Rekognition API reference, DetectLabels, "Errors", and "Error handling".
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from imagescan.aws.pace import THROTTLES
from imagescan.images import StoredObject
from imagescan.labels import LOWEST_CONFIDENCE, Box, Label
from imagescan.requests import Failure
from imagescan.scan import Detection, DetectionError, DetectorBusy, DetectorMisused, ImageRefused, ParametersRefused

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_rekognition.type_defs import InstanceTypeDef, LabelTypeDef, S3ObjectTypeDef

OF_THE_IMAGE = {
    "InvalidImageFormatException": Failure(
        "image_invalid", "The image cannot be read; it may be damaged. Save it again as JPEG or PNG and submit that."
    ),
    "ImageTooLargeException": Failure(
        "image_too_large",
        "The image is too large to be scanned: at most 15 MB and 10,000 pixels a side. Scale it down.",
    ),
}
OF_THE_DEPLOYMENT = frozenset(
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

PACED_SECONDS = 60.0


@dataclass(slots=True)
class Rekognition:
    """Asks by a client that keeps to the rate that comes through, once a call was throttled.

    Such a client never forgets its pace: it would slow calls that come seldom long after the throttling. So a minute
    after its last throttled call it gives way to another, of ``make_paced``. Threads may share it.
    """

    client: "RekognitionClient"
    make_paced: Callable[[], "RekognitionClient"]
    bucket: str
    clock: Callable[[], float] = time.monotonic
    _throttled_at: float = field(default=math.inf, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def detect(self, stored: StoredObject) -> Detection:
        """The labels of exactly this version of the object, from ``LOWEST_CONFIDENCE`` percent up.

        Raises ImageRefused, DetectorMisused or, for all that may pass and all that is unknown, DetectorBusy.
        """
        where: S3ObjectTypeDef = {"Bucket": self.bucket, "Name": stored.key}
        if stored.version:
            where["Version"] = stored.version
        client = self._at_hand()
        try:
            answer = client.detect_labels(Image={"S3Object": where}, MinConfidence=LOWEST_CONFIDENCE)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in THROTTLES:
                self._note_throttled(client)
            raise classified(code) from error
        except (ConnectTimeoutError, EndpointConnectionError) as error:
            raise DetectorBusy(type(error).__name__) from error
        except BotoCoreError as error:  # sent, and no answer: it may have been paid for
            raise DetectorBusy(type(error).__name__, charged=True) from error
        return Detection(tuple(_label(label) for label in answer["Labels"]), answer["LabelModelVersion"])

    def _at_hand(self) -> "RekognitionClient":
        with self._lock:
            if self.clock() >= self._throttled_at + PACED_SECONDS:
                self.client, self._throttled_at = self.make_paced(), math.inf
            return self.client

    def _note_throttled(self, client: "RekognitionClient") -> None:
        with self._lock:
            if client is self.client:  # calls in flight outlive its turn
                self._throttled_at = self.clock()


def classified(code: str) -> DetectionError:
    """What an error code of Rekognition means: of the image, of the deployment, or passing, as unknown codes are."""
    if code in OF_THE_IMAGE:
        return ImageRefused(code, OF_THE_IMAGE[code])
    if code == "InvalidParameterException":
        return ParametersRefused(code)
    return DetectorMisused(code) if code in OF_THE_DEPLOYMENT else DetectorBusy(code)


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
