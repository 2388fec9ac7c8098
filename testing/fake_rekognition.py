"""A fake Amazon Rekognition that responds at the transport level with the findings that a test sets."""

import json
from collections import Counter, deque
from hashlib import sha256
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from testing.wire_messages import as_bytes, body_bytes, error_response, response

MODEL_VERSION, MODERATION_MODEL_VERSION, TEXT_MODEL_VERSION = "3.0", "7.0", "3.1"


def label(name: str, confidence: float = 97.5, **more: Any) -> dict[str, Any]:
    """Return a label in the format of DetectLabels."""
    return {
        "Name": name,
        "Confidence": confidence,
        "Parents": [],
        "Aliases": [],
        "Categories": [],
        "Instances": [],
    } | more


CAT = [
    label(
        "Cat",
        Parents=[{"Name": "Animal"}],
        Aliases=[{"Name": "Feline"}],
        Categories=[{"Name": "Animals and Pets"}],
        Instances=[{"BoundingBox": {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}, "Confidence": 96.0}],
    ),
    label("Animal", 98.0),
]


def moderation_label(name: str, confidence: float = 97.5, parent: str = "", level: int = 1) -> dict[str, Any]:
    """Return a label in the format of DetectModerationLabels."""
    return {"Name": name, "Confidence": confidence, "ParentName": parent, "TaxonomyLevel": level}


def text_line(text: str, confidence: float = 97.5, first_id: int = 0) -> list[dict[str, Any]]:
    """Return a line and its words, which have the IDs that follow ``first_id``, in the format of DetectText."""
    words = [
        _text_detection(each, confidence, first_id + at, "WORD") | {"ParentId": first_id}
        for at, each in enumerate(text.split(), 1)
    ]
    return [_text_detection(text, confidence, first_id, "LINE"), *words]


def _text_detection(text: str, confidence: float, detection_id: int, kind: str) -> dict[str, Any]:
    corners = [(0.1, 0.2), (0.4, 0.2), (0.4, 0.3), (0.1, 0.3)]
    return {
        "DetectedText": text,
        "Type": kind,
        "Id": detection_id,
        "Confidence": confidence,
        "Geometry": {
            "BoundingBox": {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.1},
            "Polygon": [{"X": x, "Y": y} for x, y in corners],
        },
    }


class FakeRekognition:
    """Reads the object version in the request, so that it responds only for the right bytes.

    ``calls`` counts calls by the SHA-256 of the bytes. ``operations`` and ``requests`` record their operations and
    their parameters. ``labels`` maps a SHA-256 to its labels (default: a cat), ``moderation`` to its moderation labels
    and ``text`` to its text detections (default: none). ``unreadable`` holds the SHA-256 of images that cannot be
    decoded. ``errors`` (status, code) are returned first, one per call.
    """

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self.reset()

    def reset(self) -> None:
        """Discard all recorded calls, findings and errors."""
        self.calls: Counter[str] = Counter()
        self.operations: list[str] = []
        self.labels: dict[str, list[dict[str, Any]]] = {}
        self.moderation: dict[str, list[dict[str, Any]]] = {}
        self.text: dict[str, list[dict[str, Any]]] = {}
        self.unreadable: set[str] = set()
        self.errors: deque[tuple[int, str]] = deque()
        self.requests: list[dict[str, Any]] = []

    def respond(self, request: AWSPreparedRequest) -> AWSResponse:
        """Respond to DetectLabels, DetectModerationLabels or DetectText."""
        parameters = json.loads(body_bytes(request))
        operation = as_bytes(request.headers["X-Amz-Target"]).decode().removeprefix("RekognitionService.")
        self.operations.append(operation)
        self.requests.append(parameters)
        image_hash = self._hash_of(parameters["Image"]["S3Object"])
        self.calls[image_hash] += 1
        if self.errors:
            return error_response("rekognition", request, *self.errors.popleft())
        if image_hash in self.unreadable:
            return error_response("rekognition", request, 400, "InvalidImageFormatException")
        return response(request, 200, json.dumps(self._findings(operation, image_hash)).encode())

    def _findings(self, operation: str, image_hash: str) -> dict[str, Any]:
        bodies = {
            "DetectLabels": {"Labels": self.labels.get(image_hash, CAT), "LabelModelVersion": MODEL_VERSION},
            "DetectModerationLabels": {
                "ModerationLabels": self.moderation.get(image_hash, []),
                "ModerationModelVersion": MODERATION_MODEL_VERSION,
            },
            "DetectText": {"TextDetections": self.text.get(image_hash, []), "TextModelVersion": TEXT_MODEL_VERSION},
        }
        return bodies[operation]

    def _hash_of(self, s3_object: dict[str, str]) -> str:
        stored = self._s3.get_object(Bucket=s3_object["Bucket"], Key=s3_object["Name"], VersionId=s3_object["Version"])
        return sha256(stored["Body"].read()).hexdigest()
