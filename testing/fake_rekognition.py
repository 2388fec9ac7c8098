"""A double of Amazon Rekognition that answers on the transport: it sees what the tests say the bytes show."""

import json
from collections import Counter, deque
from hashlib import sha256
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from testing.wire_messages import body_of, refusal, response

MODEL_VERSION = "3.0"


def label(name: str, confidence: float = 97.5, **more: Any) -> dict[str, Any]:
    """A label as DetectLabels gives it."""
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
    """Reads the very version it is asked about, so that it can only answer for the right bytes.

    ``calls`` counts by the SHA-256 of the bytes it was asked about; ``shows`` gives the labels by it, a cat otherwise;
    ``damaged`` holds those it cannot read. ``errors`` (status, code) come first, one a call.
    """

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.calls: Counter[str] = Counter()
        self.shows: dict[str, list[dict[str, Any]]] = {}
        self.damaged: set[str] = set()
        self.errors: deque[tuple[int, str]] = deque()
        self.asked: list[dict[str, Any]] = []

    def answer(self, request: AWSPreparedRequest) -> AWSResponse:
        """One DetectLabels."""
        question = json.loads(body_of(request))
        self.asked.append(question)
        image_hash = self._hash_of(question["Image"]["S3Object"])
        self.calls[image_hash] += 1
        if self.errors:
            return refusal("rekognition", request, *self.errors.popleft())
        if image_hash in self.damaged:
            return refusal("rekognition", request, 400, "InvalidImageFormatException")
        labels = self.shows.get(image_hash, CAT)
        body = json.dumps({"Labels": labels, "LabelModelVersion": MODEL_VERSION}).encode()
        return response(request, 200, body)

    def _hash_of(self, where: dict[str, str]) -> str:
        stored = self._s3.get_object(Bucket=where["Bucket"], Key=where["Name"], VersionId=where["Version"])
        return sha256(stored["Body"].read()).hexdigest()
