"""The feature ``moderation``: calls DetectModerationLabels, and decodes stored moderation labels."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from imagescan.aws.json_codec import decode_json
from imagescan.domain.labels import LOWEST_CONFIDENCE
from imagescan.domain.moderation import ModerationLabel

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_rekognition.type_defs import ImageTypeDef

    from imagescan.domain.detection import Detection


def detect_moderation_labels(client: "RekognitionClient", image: "ImageTypeDef") -> "Detection":
    """Return the moderation labels of the image from ``LOWEST_CONFIDENCE`` percent. Raise what the client raises."""
    from imagescan.domain.detection import Detection  # noqa: PLC0415 - only the scanner needs it

    response = client.detect_moderation_labels(Image=image, MinConfidence=LOWEST_CONFIDENCE)
    found = response["ModerationLabels"]
    parents = {label["Name"]: label.get("ParentName", "") for label in found}
    labels = tuple(
        ModerationLabel(
            name=label["Name"],
            confidence=round(label["Confidence"], 4),
            parents=tuple(_ancestors(label["Name"], parents))[::-1],
            level=label.get("TaxonomyLevel", 1),
        )
        for label in found
    )
    return Detection(labels, response["ModerationModelVersion"])


def _ancestors(name: str, parents: dict[str, str]) -> Iterator[str]:
    """Yield the parents of a label, the next level first. A response contains every parent of its labels."""
    seen = {name}
    while (parent := parents.get(name, "")) and parent not in seen:
        yield parent
        seen.add(parent)
        name = parent


def decode_moderation_labels(content: bytes) -> tuple[ModerationLabel, ...]:
    """Return the moderation labels that were encoded. Raise zlib.error for other content."""
    rows = decode_json(content)
    return tuple(ModerationLabel(name, confidence, tuple(parents), level) for name, confidence, parents, level in rows)
