"""Take an image and a question: answer at once when the image is known, otherwise keep both until it is scanned."""

from dataclasses import dataclass
from typing import Protocol

from imagescan.errors import Conflict
from imagescan.images import AnnouncedImage, CheckedImage
from imagescan.requests import Image, ScanRequest, Upload, settled


class Images(Protocol):
    def get(self, image_hash: str) -> Image | None: ...


class Requests(Protocol):
    def get(self, request_id: str) -> ScanRequest | None: ...

    def put(self, request: ScanRequest) -> ScanRequest:
        """Store the request, unless there is one of this id; the one that is there then."""


class Bucket(Protocol):
    def put(self, image: CheckedImage, request_id: str) -> None: ...

    def upload_for(self, image: AnnouncedImage, request_id: str, now: float) -> Upload: ...


@dataclass(frozen=True, slots=True)
class Submitted:
    """The request as it is stored, with its answer when it has one; ``upload`` when its bytes are to be sent.

    ``image`` is the row that was known of its image.
    """

    request: ScanRequest
    image: Image | None = None
    upload: Upload | None = None


def submit(
    request: ScanRequest,
    image: CheckedImage | AnnouncedImage,
    *,
    images: Images,
    requests: Requests,
    bucket: Bucket,
    now: float,
) -> Submitted:
    """Store the request: with its answer when the image is known, without while it is to be scanned.

    Each step is durable before the next. When this returns, the request will be answered; when it raises, there is no
    request. Bytes come before the row, because a row without bytes would wait for nothing. A request that was stored
    before under the same idempotency key is the one that is returned, with the bytes it may still lack. Raises Conflict
    when that asked something else.
    """
    known = images.get(image.hash)
    earlier = requests.get(request.id) if request.fingerprint else None
    if earlier:
        _must_ask_the_same(earlier, request)
    answered = settled(earlier or request, known, now)
    if isinstance(image, CheckedImage) and not answered and (earlier is None or earlier.awaits_upload):
        bucket.put(image, request.id)
    stored = earlier or requests.put(answered or request)
    _must_ask_the_same(stored, request)
    stands = settled(stored, known, now) or stored
    if isinstance(image, AnnouncedImage) and not stands.answer:
        return Submitted(stands, known, bucket.upload_for(image, request.id, now))
    return Submitted(stands, known)


def _must_ask_the_same(stored: ScanRequest, request: ScanRequest) -> None:
    if stored.fingerprint != request.fingerprint:
        raise Conflict("idempotency_key_reused", "This Idempotency-Key came with another body before. Use a new key.")
