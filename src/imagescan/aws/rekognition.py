"""Amazon Rekognition as the detector.

Source of the error codes: the Amazon Rekognition API reference, DetectLabels, "Errors", and "Error handling".
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from imagescan.aws.pace import Pace
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
_THROTTLES = frozenset({"ProvisionedThroughputExceededException", "ThrottlingException"})


@dataclass(frozen=True, slots=True)
class Rekognition:
    """Throttled calls are waste: each call waits for its turn by the pace. Threads may share it."""

    client: "RekognitionClient"
    bucket: str
    pace: Pace

    def detect(self, stored: StoredObject) -> Detection:
        """The labels of exactly this version of the object, from ``LOWEST_CONFIDENCE`` percent up.

        Raises ImageRefused, DetectorMisused or, for all that may pass and all that is unknown, DetectorBusy.
        """
        where: S3ObjectTypeDef = {"Bucket": self.bucket, "Name": stored.key}
        if stored.version:
            where["Version"] = stored.version
        turn = self.pace.wait()
        try:
            answer = self.client.detect_labels(Image={"S3Object": where}, MinConfidence=LOWEST_CONFIDENCE)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _THROTTLES:
                self.pace.throttled(turn)
            else:
                self.pace.passed()
            raise classified(code) from error
        except (ConnectTimeoutError, EndpointConnectionError) as error:
            raise DetectorBusy(type(error).__name__) from error
        except BotoCoreError as error:  # sent, and no answer: it may have been paid for
            raise DetectorBusy(type(error).__name__, charged=True) from error
        self.pace.passed()
        return Detection(tuple(_label(label) for label in answer["Labels"]), answer["LabelModelVersion"])


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
