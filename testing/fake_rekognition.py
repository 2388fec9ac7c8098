"""A fake Amazon Rekognition that responds at the transport level with the labels that a test sets."""

import json
from collections import Counter, deque
from hashlib import sha256
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from testing.wire_messages import body_bytes, error_response, response

MODEL_VERSION = "3.0"


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


class FakeRekognition:
    """Reads the object version in the request, so that it responds only for the right bytes.

    ``calls`` counts calls by the SHA-256 of the bytes, and ``requests`` records their parameters. ``labels`` maps a
    SHA-256 to its labels (default: a cat), and ``unreadable`` holds the SHA-256 of images that cannot be decoded.
    ``errors`` (status, code) are returned first, one per call.
    """

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self.reset()

    def reset(self) -> None:
        """Discard all recorded calls, labels and errors."""
        self.calls: Counter[str] = Counter()
        self.labels: dict[str, list[dict[str, Any]]] = {}
        self.unreadable: set[str] = set()
        self.errors: deque[tuple[int, str]] = deque()
        self.requests: list[dict[str, Any]] = []

    def respond(self, request: AWSPreparedRequest) -> AWSResponse:
        """Respond to DetectLabels."""
        parameters = json.loads(body_bytes(request))
        self.requests.append(parameters)
        image_hash = self._hash_of(parameters["Image"]["S3Object"])
        self.calls[image_hash] += 1
        if self.errors:
            return error_response("rekognition", request, *self.errors.popleft())
        if image_hash in self.unreadable:
            return error_response("rekognition", request, 400, "InvalidImageFormatException")
        labels = self.labels.get(image_hash, CAT)
        body = json.dumps({"Labels": labels, "LabelModelVersion": MODEL_VERSION}).encode()
        return response(request, 200, body)

    def _hash_of(self, s3_object: dict[str, str]) -> str:
        stored = self._s3.get_object(Bucket=s3_object["Bucket"], Key=s3_object["Name"], VersionId=s3_object["Version"])
        return sha256(stored["Body"].read()).hexdigest()
