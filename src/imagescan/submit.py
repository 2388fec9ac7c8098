"""Take an image and a question: answer at once when the image is known, otherwise keep both until it is scanned."""

from dataclasses import dataclass
from typing import Protocol

from imagescan.images import CheckedImage
from imagescan.requests import Image, ScanRequest, settled


class Images(Protocol):
    def get(self, image_hash: str) -> Image | None: ...


class Requests(Protocol):
    def put(self, request: ScanRequest) -> None: ...


class Bucket(Protocol):
    def put(self, image: CheckedImage, request_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of an image: a label, and the confidence in percent from which it counts."""

    label: str
    min_confidence: float


def submit(
    image: CheckedImage,
    question: Question,
    *,
    images: Images,
    requests: Requests,
    bucket: Bucket,
    request_id: str,
    now: float,
    deadline_seconds: float,
) -> ScanRequest:
    """The request as it was stored: with its answer when the image is known, without while it is to be scanned.

    Each step is durable before the next. When this returns, the request will be answered; when it raises, there is no
    request. The upload comes before the row, because a row without bytes would wait for nothing.
    """
    request = ScanRequest(
        id=request_id,
        image_hash=image.hash,
        image_key=image.key,
        label=question.label,
        min_confidence=question.min_confidence,
        created_at=now,
        deadline=now + deadline_seconds,
    )
    answered = settled(request, images.get(image.hash), now)
    if not answered:
        bucket.put(image, request_id)
    requests.put(answered or request)
    return answered or request
