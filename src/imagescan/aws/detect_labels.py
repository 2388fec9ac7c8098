"""The feature ``labels``: calls DetectLabels."""

from typing import TYPE_CHECKING

from imagescan.domain.labels import LOWEST_CONFIDENCE, Label
from imagescan.domain.match import Box

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_rekognition.type_defs import ImageTypeDef, InstanceTypeDef, LabelTypeDef

    from imagescan.domain.detection import Detection


def detect_labels(client: "RekognitionClient", image: "ImageTypeDef") -> "Detection":
    """Return the labels of the image from ``LOWEST_CONFIDENCE`` percent. Raise what the client raises."""
    from imagescan.domain.detection import Detection  # noqa: PLC0415 - only the scanner needs it

    response = client.detect_labels(Image=image, MinConfidence=LOWEST_CONFIDENCE)
    return Detection(tuple(_label(label) for label in response["Labels"]), response["LabelModelVersion"])


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
