"""Submit an image with a question. A known image is answered immediately. Otherwise the request waits for its scan."""

from dataclasses import dataclass
from typing import Protocol

from imagescan.domain.errors import Conflict
from imagescan.domain.image import DeclaredImage, ValidatedImage
from imagescan.domain.image_record import Image
from imagescan.domain.scan_request import ScanRequest, Upload, needs_reopening, with_answer


class Images(Protocol):
    def get(self, image_hash: str) -> Image | None: ...

    def reopen(self, image: Image) -> None:
        """Renew the attempt budget of the image, unless the item changed since it was read."""


class Requests(Protocol):
    def get(self, request_id: str) -> ScanRequest | None: ...

    def put(self, request: ScanRequest) -> ScanRequest:
        """Store the request unless its ID exists, and return the stored request."""


class Bucket(Protocol):
    def put(self, image: ValidatedImage, request_id: str) -> None: ...

    def presign_upload(self, image: DeclaredImage, request_id: str, now: float) -> Upload: ...


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """The stored request with its answer, if it has one, and the upload, if the bytes are still to be sent.

    ``image`` is the item that was known of its image.
    """

    request: ScanRequest
    image: Image | None = None
    upload: Upload | None = None


def submit_request(
    request: ScanRequest,
    image: ValidatedImage | DeclaredImage,
    *,
    images: Images,
    requests: Requests,
    bucket: Bucket,
    now: float,
) -> SubmitResult:
    """Store the request: with its answer if the image is known, without an answer while it waits for a scan.

    Each step is durable before the next one. When this function returns, the request will be answered. When it raises,
    the request does not exist. Bytes are stored before the item, because an item without bytes would never be scanned.
    An exhausted image is reopened before its bytes are stored, because the scanner skips it until then.
    If the same idempotency key was used before, the earlier request is returned, and bytes that it still lacks are
    stored. Raise Conflict if the earlier payload differs.
    """
    known = images.get(image.hash)
    earlier = requests.get(request.id) if request.payload_hash else None
    if earlier:
        _require_same_payload(earlier, request)
    answered = with_answer(earlier or request, known, now)
    if known and not answered and needs_reopening(earlier or request, known, now):
        images.reopen(known)
    if isinstance(image, ValidatedImage) and not answered and (earlier is None or earlier.awaits_upload):
        bucket.put(image, request.id)
    stored = earlier or requests.put(answered or request)
    _require_same_payload(stored, request)
    current = with_answer(stored, known, now) or stored
    if isinstance(image, DeclaredImage) and not current.answer:
        return SubmitResult(current, known, bucket.presign_upload(image, request.id, now))
    return SubmitResult(current, known)


def _require_same_payload(stored: ScanRequest, request: ScanRequest) -> None:
    if stored.payload_hash != request.payload_hash:
        raise Conflict(
            "idempotency_key_reused",
            "This Idempotency-Key was already used with a different request body. Use a new key.",
        )
