"""Submit an image with a question. A known image is answered immediately. Otherwise the request waits for its scan."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from imagescan.domain.content import content_item_key, file_scan
from imagescan.domain.errors import Conflict, LimitExceeded
from imagescan.domain.feature import Feature, all_item_keys, item_key
from imagescan.domain.image import DeclaredImage, ValidatedImage
from imagescan.domain.image_record import Image, ImageItems, Possession, Scan, has_expired
from imagescan.domain.policy import REQUEST_STORED_SECONDS
from imagescan.domain.scan_request import (
    DeletedRequest,
    ScanRequest,
    Upload,
    exists,
    needs_reopening,
    visible_items,
    with_answer,
)
from imagescan.use_cases.get_request import read_items
from imagescan.use_cases.renew_daily import renew_daily
from imagescan.use_cases.visible_images import PossessionReader, read_possessions


class Images(PossessionReader, Protocol):
    def get(self, key: str) -> Image | None: ...

    def get_many(self, keys: Sequence[str]) -> dict[str, Image]:
        """Return the items under these keys using consistent reads. Missing items are left out."""

    def grant(self, possession: Possession) -> None:
        """Store the possession, unless its owner has it already."""

    def renew(self, read: Image | Possession, now: float) -> bool:
        """Extend the expiry of the item. Return False if it was deleted since it was ``read``."""

    def remove_expired(self, read: Image | Possession) -> None:
        """Delete the item, unless its expiry was extended since it was ``read``."""

    def finish(self, key: str, scan: Scan) -> Image:
        """Make the one terminal write, unless it was made before, and return the item that is in force."""

    def reopen(self, image: Image) -> None:
        """Renew the attempt budget of the item, unless it changed since it was read."""

    def mark_for_purge(self, key: str, now: float) -> None:
        """Have the purger delete the image, or the upload under this key, once no request needs it."""


class Requests(Protocol):
    def find(self, request_id: str) -> ScanRequest | DeletedRequest | None: ...

    def put(self, request: ScanRequest) -> ScanRequest | DeletedRequest:
        """Store the request unless its ID exists or was deleted, and return what is stored."""


class Bucket(Protocol):
    def put(self, image: ValidatedImage, request: ScanRequest) -> None: ...

    def presign_upload(self, image: DeclaredImage, request: ScanRequest, now: float) -> Upload: ...

    def copy_scanned(self, image: DeclaredImage, scanned_for: str | None, request: ScanRequest) -> bool:
        """Store the bytes that were scanned for an earlier request as those of ``request``.

        Return False if they are no longer stored.
        """


class Quota(Protocol):
    """The submissions that the caller may still make today. Those that are answered immediately do not count."""

    @property
    def limit(self) -> int: ...

    def try_acquire(self, now: float) -> bool:
        """Count one submission for the day of ``now``. Return False, and count nothing, if the quota is used up."""


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """The stored request with its answer, if it has one, and the upload, if the bytes are still to be sent.

    ``items`` are those that were known of its image, as the owner may see them. ``copy_error`` is the reason why an
    upload is expected although the bytes may be stored.
    """

    request: ScanRequest
    items: ImageItems | None = None
    upload: Upload | None = None
    copy_error: Exception | None = None


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

    A request by hash whose owner has the image needs no upload if the image was scanned for another feature and its
    bytes are still stored.

    Posted bytes whose content was scanned need no scan. Their items get copies of the scans, from which the request is
    answered.

    The items of the image outlive the request: those that expire earlier are renewed, and expired ones are deleted.
    """
    renewed = partial(_renewed, images=images, now=now, retention_seconds=retention_seconds)
    possession = renewed(_unexpired(read_possessions([request], images).of(request), images, now))
    granted = None
    if isinstance(image, ValidatedImage) and request.owner is not None and possession is None:
        possession = granted = Possession(request.owner, image.hash, now, request.id)
    items, contents = _read_items(request, image, images, now)
    if visible_items(request, items, possession) is not None:
        items = _renewed_items(request, items, renewed)
    found = requests.find(request.id) if request.payload_hash else None
    earlier = _same_request(found, request) if found else None
    known = visible_items(earlier or request, items, possession)
    answered, copies = _answer(earlier or request, known, items, contents, possession=possession, now=now)
    copy_error = None
    if not answered:
        _acquire(quota if earlier is None else None, now)
        _reopen(earlier or request, items, known or {}, images, now)
        request, copy_error = _store_bytes(request, earlier, image, known, bucket)
    if granted:
        images.grant(granted)
    if copies:
        known = visible_items(request, {**items, **_finish_copies(copies, contents, images, renewed)}, possession)
        answered = with_answer(earlier or request, known, now)
    stored = earlier or requests.put(answered or request)
    try:
        current = _same_request(stored, request)
    except Conflict:
        _mark_unused_bytes(request, stored, images, now)
        raise
    current = with_answer(current, known, now) or current
    if isinstance(image, ValidatedImage) or current.answer or not current.awaits_upload:
        return SubmitResult(current, known)
    return SubmitResult(current, known, bucket.presign_upload(image, current, now), copy_error)


def _read_items(
    request: ScanRequest, image: ValidatedImage | DeclaredImage, images: Images, now: float
) -> tuple[ImageItems, ImageItems]:
    """Return the items of the image by feature, and those of its content. Expired ones are deleted and left out.

    Only posted bytes have a content that is known. A request by hash may copy bytes that were scanned for any feature.
    """
    if isinstance(image, DeclaredImage):
        keys, content_keys = all_item_keys(request.image_hash), list[str]()
    else:
        keys = list(request.item_keys)
        content_keys = [content_item_key(image.content_hash, each) for each in request.features if image.content_hash]
    found = read_items([*keys, *content_keys], images)
    unexpired = [item for each in found if (item := _unexpired(each, images, now))]
    items = {item.feature: item for item in unexpired if item.key in keys}
    return items, {item.feature: item for item in unexpired if item.key in content_keys}


def _answer(
    request: ScanRequest,
    known: ImageItems | None,
    items: ImageItems,
    contents: ImageItems,
    *,
    possession: Possession | None,
    now: float,
) -> tuple[ScanRequest | None, ImageItems]:
    """Return the request with its answer, if it has one, and the items that must get copies of scans for it."""
    answered = with_answer(request, known, now)
    copies = {} if answered else _copies(request, items, contents, now)
    if not copies:
        return answered, {}
    answered = with_answer(request, visible_items(request, {**items, **copies}, possession), now)
    return answered, copies if answered else {}


def _copies(request: ScanRequest, items: ImageItems, contents: ImageItems, now: float) -> ImageItems:
    """Return the items that have no result, with copies of the scans of their contents."""
    copies: dict[Feature, Image] = {}
    for feature, content in contents.items():
        item = items.get(feature, Image(item_key(request.image_hash, feature)))
        if content.scan and not item.scan:
            scan = file_scan(content.scan, request.image_hash, now, request.id, request.owner)
            copies[feature] = replace(item, scan=scan)
    return copies


def _finish_copies(
    copies: ImageItems, contents: ImageItems, images: Images, renewed: Callable[[Image | None], Image | None]
) -> ImageItems:
    """Store the copies, and return the items in force. The contents that were copied are kept as long as the copies."""
    for feature in copies:
        renewed(contents[feature])
    return {feature: images.finish(copy.key, copy.scan) for feature, copy in copies.items() if copy.scan}


def _acquire(quota: Quota | None, now: float) -> None:
    """Count the submission, which cannot be answered immediately. Raise LimitExceeded if the quota is used up."""
    if quota and not quota.try_acquire(now):
        raise LimitExceeded(
            "daily_limit_exceeded",
            f"You have made {quota.limit} submissions today that could not be answered immediately, which is the daily "
            "limit. Submit the image again after midnight UTC.",
        )


def _store_bytes(
    request: ScanRequest,
    earlier: ScanRequest | None,
    image: ValidatedImage | DeclaredImage,
    known: ImageItems | None,
    bucket: Bucket,
) -> tuple[ScanRequest, Exception | None]:
    """Store posted bytes that the request lacks. For a request by hash, copy those of a scan that its owner may see.

    Return the request, which awaits an upload if its bytes were neither posted nor copied, and the error if they could
    not be copied: the client can upload them instead.
    """
    if isinstance(image, ValidatedImage):
        if earlier is None or earlier.awaits_upload:
            bucket.put(image, earlier or request)
        return request, None
    scan = next((item.scan for item in (known or {}).values() if item.scan), None)
    if earlier or scan is None:
        return request, None
    try:
        is_copied = bucket.copy_scanned(image, scan.scanned_for, request)
    except Exception as error:  # noqa: BLE001 - the result carries every error to the log
        return request, error
    return replace(request, awaits_upload=not is_copied), None


def _mark_unused_bytes(request: ScanRequest, stored: ScanRequest | DeletedRequest, images: Images, now: float) -> None:
    """Mark the bytes of a request whose key was used in the meantime, because no deletion would ever remove them.

    The request that was ``stored`` instead may use the same object.
    """
    if exists(stored) and stored.image_key == request.image_key:
        return
    key = request.image_key if request.has_own_object else request.image_hash
    images.mark_for_purge(key, now + REQUEST_STORED_SECONDS)


def _renewed_items(
    request: ScanRequest, items: ImageItems, renewed: Callable[[Image | None], Image | None]
) -> ImageItems:
    """Return the items, and renew those that the request needs.

    The request must be allowed to see them: a hash alone must not keep the findings of others.
    """
    kept = {feature: renewed(item) if feature in request.features else item for feature, item in items.items()}
    return {feature: item for feature, item in kept.items() if item}


def _reopen(request: ScanRequest, items: ImageItems, known: ImageItems, images: Images, now: float) -> None:
    """Renew the attempt budgets that were exhausted before this request."""
    for feature in request.features:
        if feature in items and feature in known and needs_reopening(request, items[feature], known[feature], now):
            images.reopen(items[feature])


def _unexpired[Item: (Image, Possession)](item: Item | None, images: Images, now: float) -> Item | None:
    """Return the item. Delete it and return None if it has expired."""
    if item and has_expired(item, now):
        images.remove_expired(item)
        return None
    return item


def _renewed[Item: (Image, Possession)](
    item: Item | None, *, images: Images, now: float, retention_seconds: int
) -> Item | None:
    """Return the item, whose expiry is extended if it was not within the last day. Return None if it was deleted."""
    if item is None:
        return None
    return item if renew_daily(item, images, now, retention_seconds) else None


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
