"""The feature ``text``: calls DetectText, and decodes stored lines of text."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from imagescan.aws.json_codec import decode_json
from imagescan.domain.labels import LOWEST_CONFIDENCE
from imagescan.domain.text import Polygon, TextLine, TextWord

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_rekognition.type_defs import ImageTypeDef, TextDetectionTypeDef

    from imagescan.domain.detection import Detection


def detect_text(client: "RekognitionClient", image: "ImageTypeDef") -> "Detection":
    """Return the lines of text in the image from ``LOWEST_CONFIDENCE`` percent, with their words.

    Without a filter, Rekognition omits words below 80 percent. Raise what the client raises.
    """
    from imagescan.domain.detection import Detection  # noqa: PLC0415 - only the scanner needs it

    response = client.detect_text(Image=image, Filters={"WordFilter": {"MinConfidence": LOWEST_CONFIDENCE}})
    words: dict[int, list[TextWord]] = defaultdict(list)
    for found in response["TextDetections"]:
        if found["Type"] == "WORD":
            words[found["ParentId"]].append(TextWord(*_fields(found)))
    lines = tuple(
        TextLine(*_fields(found), tuple(words[found["Id"]]))
        for found in response["TextDetections"]
        if found["Type"] == "LINE"
    )
    return Detection(lines, response["TextModelVersion"])


def _fields(found: "TextDetectionTypeDef") -> tuple[str, float, Polygon]:
    polygon = tuple((round(point["X"], 5), round(point["Y"], 5)) for point in found["Geometry"]["Polygon"])
    return found["DetectedText"], round(found["Confidence"], 4), polygon


def decode_text_lines(content: bytes) -> tuple[TextLine, ...]:
    """Return the lines that were encoded. Raise zlib.error for other content."""
    rows = decode_json(content)
    return tuple(
        TextLine(text, confidence, _polygon(polygon), tuple(_word(*word) for word in words))
        for text, confidence, polygon, words in rows
    )


def _word(text: str, confidence: float, polygon: list[Any]) -> TextWord:
    return TextWord(text, confidence, _polygon(polygon))


def _polygon(points: list[Any]) -> Polygon:
    return tuple((x, y) for x, y in points)
