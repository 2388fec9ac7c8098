"""Purge the images of deleted requests, bytes and findings, once no request can need them.

An answered request holds its complete answer, so only pending requests need their image, and of those with an owner
only the ones whose owner has the image. A request that is about to be stored, or that an index does not show yet, may
still need it. Therefore purging waits for a delay, after the first mark, after each owner got possession, and after the
upload of each version. The upload of a deleted request has its own key. No other request needs it.

The scan of the content of an image is purged with it. Other images with the same content keep their copies.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from imagescan.domain.content import all_content_item_keys
from imagescan.domain.feature import all_item_keys
from imagescan.domain.image import StoredObject, hash_from_key, object_key, request_id_from_key
from imagescan.domain.image_header import ImageType
from imagescan.domain.image_record import Image, PurgeCandidate
from imagescan.domain.scan_request import DeletedRequest, ScanRequest, exists
from imagescan.use_cases.visible_images import PossessionReader, is_awaited

PURGE_DELAY_SECONDS = 20 * 60
"""Longer than a submission can take, and than an index can lag."""
MIN_SECONDS_PER_IMAGE = 20.0
"""Enough to list the versions of an image and to delete as many of them as one call of the bucket does."""


class Images(PossessionReader, Protocol):
    def purge_candidates(self) -> Iterable[PurgeCandidate]:
        """Return the marked images and uploads, as an index shows them, read page by page."""

    def get_many(self, keys: Sequence[str]) -> dict[str, Image]:
        """Return the items under these keys using consistent reads. Missing items are left out."""

    def mark_for_purge(self, key: str, now: float) -> None:
        """Have the purger delete the image, or the upload under this key, once no request needs it."""

    def remove(self, read: Sequence[Image], now: float) -> bool:
        """Delete these items, unless one is leased, or was marked, granted or got a result since it was ``read``.

        Return whether they were deleted. Either all are, or none is.
        """


class Requests(Protocol):
    def find(self, request_id: str) -> ScanRequest | DeletedRequest | None: ...

    def pending_for_image(self, image_hash: str) -> Iterable[ScanRequest]: ...


class Bucket(Protocol):
    def remove(self, image_hash: str, until: float, covered_until: float) -> bool:
        """Delete the versions of the posted bytes that were stored by ``until``.

        Return whether none is left that was stored by ``covered_until``.
        """

    def find(self, key: str) -> StoredObject | None:
        """Read and hash the newest version of the object. Return None if it is gone."""

    def remove_upload(self, key: str, until: float) -> bool:
        """Delete the versions of an object of one request that were stored by ``until``.

        Return whether none is left.
        """


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """What one run purged, how many could not be purged, and whether the run considered all candidates.

    An upload counts as an image.
    """

    images_purged: int
    failed: int
    is_complete: bool


def purge_deleted_images(
    *,
    images: Images,
    requests: Requests,
    bucket: Bucket,
    clock: Callable[[], float],
    time_left: Callable[[], float],
    on_error: Callable[[str, Exception], None],
) -> PurgeReport:
    """Purge the marked images that no request needs.

    Concurrent and interrupted runs are safe. The bytes are deleted before the item, because the item carries the mark
    by which the next run finds what remains. An image that cannot be purged is reported to ``on_error`` and does not
    affect other images.
    """
    purged = failed = 0
    for candidate in images.purge_candidates():
        if time_left() < MIN_SECONDS_PER_IMAGE:
            return PurgeReport(purged, failed, is_complete=False)
        try:
            purged += _purge(candidate, images, requests, bucket, clock())
        except Exception as error:  # noqa: BLE001 - every error is reported
            failed += 1
            on_error(candidate.key, error)
    return PurgeReport(purged, failed, is_complete=True)


def _purge(candidate: PurgeCandidate, images: Images, requests: Requests, bucket: Bucket, now: float) -> bool:
    """Purge the image or the upload, and return whether its item was deleted.

    The item remains until all bytes that the mark covers are deleted, because it carries the mark.
    """
    if _is_within_delay(candidate.marked_at, now):
        return False  # without a call, so that recent deletions do not keep a run from older ones
    if candidate.is_upload:
        return _purge_upload(candidate.key, images, requests, bucket, now)
    items = _items(candidate.key, images)
    image = items.get(candidate.key)
    if image is None:
        return False
    if _is_needed(items.values(), images, requests, now):
        return False
    covered_until = candidate.marked_at if image.purge_until is None else image.purge_until
    until = min(covered_until, now - PURGE_DELAY_SECONDS)
    keys = [object_key(candidate.key, image_type) for image_type in ImageType]
    contents = _scanned_contents(image.hash, items.values(), keys, images, bucket)
    return (
        _remove_contents(contents, images, now)
        and bucket.remove(candidate.key, until, covered_until)
        and images.remove(list(items.values()), now)
    )


def _items(image_hash: str, images: Images) -> dict[str, Image]:
    """Return the items of all features of the image by key. The item for the labels has the mark."""
    return images.get_many(all_item_keys(image_hash))


def _purge_upload(key: str, images: Images, requests: Requests, bucket: Bucket, now: float) -> bool:
    """Purge the upload of a deleted request. Mark the image if this upload was scanned during the deletion."""
    request_id, image_hash = request_id_from_key(key) or "", hash_from_key(key) or ""
    upload = images.get_many([key]).get(key)
    if upload is None or _is_pending(requests.find(request_id)):
        return False
    items = _items(image_hash, images).values()
    if any(item.scan and item.scan.scanned_for == request_id for item in items):
        images.mark_for_purge(image_hash, now)
    contents = _scanned_contents(image_hash, items, [key], images, bucket)
    own = [content for content in contents if content.scan and content.scan.scanned_for == request_id]
    return (
        _remove_contents(own, images, now)
        and bucket.remove_upload(key, now - PURGE_DELAY_SECONDS)
        and images.remove([upload], now)
    )


def _scanned_contents(
    image_hash: str, items: Iterable[Image], keys: Sequence[str], images: Images, bucket: Bucket
) -> list[Image]:
    """Return the items of the image's content that hold findings.

    An image has no result if its delivery was interrupted. Then the bytes under these keys have its content, if they
    are still stored.
    """
    content_hashes = {item.scan.content_hash for item in items if item.scan and item.scan.content_hash}
    if not content_hashes:
        stored = filter(None, map(bucket.find, keys))
        content_hashes = {each.content_hash for each in stored if each.content_hash and each.hash == image_hash}
    wanted = [key for each in content_hashes for key in all_content_item_keys(each)]
    return [content for content in images.get_many(wanted).values() if content.scan] if wanted else []


def _remove_contents(contents: Sequence[Image], images: Images, now: float) -> bool:
    """Delete these items. This comes before the bytes, which may be needed to find them."""
    return not contents or images.remove(contents, now)


def _is_pending(request: ScanRequest | DeletedRequest | None) -> bool:
    return exists(request) and request.answer is None  # if its deletion was interrupted


def _is_needed(items: Collection[Image], images: Images, requests: Requests, now: float) -> bool:
    answered_at = [at for item in items for at in _answer_times(item)]
    if any(_is_within_delay(at, now) for at in answered_at):
        return True
    image_hash = next(item.hash for item in items)
    return is_awaited(requests.pending_for_image(image_hash), images)


def _answer_times(item: Image) -> tuple[float, ...]:
    """Return the times after which requests may have been answered from the item."""
    return (*([item.scan.finished_at] if item.scan else []), *item.exhausted_at, item.granted_at or 0)


def _is_within_delay(since: float, now: float) -> bool:
    return now < since + PURGE_DELAY_SECONDS
