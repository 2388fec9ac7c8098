"""Submit an image with a question. A known image is answered immediately. Otherwise the request waits for its scan."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from imagescan.domain.errors import Conflict, LimitExceeded
from imagescan.domain.image import DeclaredImage, ValidatedImage
from imagescan.domain.image_record import Image, Possession
from imagescan.domain.policy import DAY_SECONDS, ITEM_MARGIN_SECONDS, REQUEST_STORED_SECONDS
from imagescan.domain.scan_request import (
    DeletedRequest,
    ScanRequest,
    Upload,
    needs_reopening,
    visible_image,
    with_answer,
)
from imagescan.use_cases.visible_images import PossessionReader, read_possessions


class Images(PossessionReader, Protocol):
    def get(self, image_hash: str) -> Image | None: ...

    def grant(self, possession: Possession) -> None:
        """Store the possession, unless its owner has it already."""

    def renew(self, read: Image | Possession, now: float) -> bool:
        """Extend the expiry of the item. Return False if it was deleted since it was ``read``."""

    def remove_expired(self, read: Image | Possession) -> None:
        """Delete the item, unless its expiry was extended since it was ``read``."""

    def reopen(self, image: Image) -> None:
        """Renew the attempt budget of the image, unless the item changed since it was read."""

    def mark_for_purge(self, key: str, now: float) -> None:
        """Have the purger delete the image, or the upload under this key, once no request needs it."""


class Requests(Protocol):
    def find(self, request_id: str) -> ScanRequest | DeletedRequest | None: ...

    def put(self, request: ScanRequest) -> ScanRequest | DeletedRequest:
        """Store the request unless its ID exists or was deleted, and return what is stored."""


class Bucket(Protocol):
    def put(self, image: ValidatedImage, request: ScanRequest) -> None: ...

    def presign_upload(self, image: DeclaredImage, request: ScanRequest, now: float) -> Upload: ...


class Quota(Protocol):
    """The submissions that the caller may still make today. Those that are answered immediately do not count."""

    @property
    def limit(self) -> int: ...

    def try_acquire(self, now: float) -> bool:
        """Count one submission for the day of ``now``. Return False, and count nothing, if the quota is used up."""


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """The stored request with its answer, if it has one, and the upload, if the bytes are still to be sent.

    ``image`` is the item that was known of its image, as the owner may see it.
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
    retention_seconds: int,
    quota: Quota | None = None,
) -> SubmitResult:
    """Store the request: with its answer if the image is known, without an answer while it waits for a scan.

    Each step is durable before the next one. When this function returns, the request will be answered. When it raises,
    the request was not accepted. Bytes are stored before the item, because an item without bytes would never be
    scanned. The possession of an owner who posted them is stored in between. If the item is not stored, the scanner
    marks the bytes for purging instead of scanning them. An exhausted image is reopened before its bytes are stored,
    because the scanner skips it until then. If the same idempotency key was used before, the earlier request is
    returned, and bytes that it still lacks are stored. Raise Conflict if the earlier payload differs, or if the earlier
    request was deleted. Raise LimitExceeded if the image is unknown and the quota of the caller is used up.

    The items of the image outlive the request: those that expire earlier are renewed, and expired ones are deleted.
    """
    renewed = partial(_renewed, images=images, now=now, retention_seconds=retention_seconds)
    possession = renewed(_unexpired(read_possessions([request], images).of(request), images, now))
    granted = None
    if isinstance(image, ValidatedImage) and request.owner is not None and possession is None:
        possession = granted = Possession(request.owner, image.hash, now, request.id)
    item = _read_image(request, possession, images, renewed, now)
    found = requests.find(request.id) if request.payload_hash else None
    earlier = _same_request(found, request) if found else None
    known = visible_image(earlier or request, item, possession)
    answered = with_answer(earlier or request, known, now)
    if quota and earlier is None and not answered and not quota.try_acquire(now):
        raise LimitExceeded(
            "daily_limit_exceeded",
            f"You have made {quota.limit} submissions today that could not be answered immediately, which is the daily "
            "limit. Submit the image again after midnight UTC.",
        )
    if item and known and not answered and needs_reopening(earlier or request, item, known, now):
        images.reopen(item)
    if isinstance(image, ValidatedImage) and not answered and (earlier is None or earlier.awaits_upload):
        bucket.put(image, earlier or request)
    if granted:
        images.grant(granted)
    try:
        stored = earlier or _same_request(requests.put(answered or request), request)
    except Conflict:  # the key was used in the meantime, and no deletion would ever remove the bytes
        images.mark_for_purge(image.hash, now + REQUEST_STORED_SECONDS)
        raise
    current = with_answer(stored, known, now) or stored
    if isinstance(image, DeclaredImage) and current.awaits_upload and not current.answer:
        return SubmitResult(current, known, bucket.presign_upload(image, current, now))
    return SubmitResult(current, known)


def _read_image(
    request: ScanRequest,
    possession: Possession | None,
    images: Images,
    renewed: Callable[[Image | None], Image | None],
    now: float,
) -> Image | None:
    """Return the item. It is renewed if the request may see it: a hash alone must not keep the labels of others."""
    item = _unexpired(images.get(request.image_hash), images, now)
    return renewed(item) if visible_image(request, item, possession) else item


def _unexpired[Item: (Image, Possession)](item: Item | None, images: Images, now: float) -> Item | None:
    """Return the item. Delete it and return None if it has expired."""
    if item is not None and item.expires_at is not None and item.expires_at <= now:
        images.remove_expired(item)
        return None
    return item


def _renewed[Item: (Image, Possession)](
    item: Item | None, *, images: Images, now: float, retention_seconds: int
) -> Item | None:
    """Return the item, whose expiry is extended if it was not within the last day. Return None if it was deleted.

    Items of version 0.1.0 have no expiry before they are used again.
    """
    if item is None:
        return None
    is_recent = (item.expires_at or 0) >= now + retention_seconds + ITEM_MARGIN_SECONDS - DAY_SECONDS
    return item if is_recent or images.renew(item, now) else None


def _same_request(found: ScanRequest | DeletedRequest, request: ScanRequest) -> ScanRequest:
    """Return what was found under the ID of ``request``. Raise Conflict if it was deleted or differs."""
    if isinstance(found, DeletedRequest):
        raise Conflict(
            "request_deleted",
            "The request with this Idempotency-Key was deleted. Use a new key to submit the image again.",
        )
    if found.payload_hash != request.payload_hash:
        raise Conflict(
            "idempotency_key_reused",
            "This Idempotency-Key was already used with a different request body. Use a new key.",
        )
    return found
