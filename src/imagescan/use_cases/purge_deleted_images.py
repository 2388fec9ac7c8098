"""Purge the images of deleted requests, bytes and labels, once no request can need them.

An answered request holds its complete answer, so only pending requests need their image. A request that is about to be
stored, or that an index does not show yet, may still need it. Therefore purging waits for a delay.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from imagescan.domain.image_record import Image, PurgeCandidate
from imagescan.domain.scan_request import ScanRequest

PURGE_DELAY_SECONDS = 20 * 60
"""Longer than a submission can take, than an index can lag, and than a presigned URL is valid."""
MIN_SECONDS_PER_IMAGE = 20.0
"""Enough to list the versions of an image and to delete as many of them as one call of the bucket does."""


class Images(Protocol):
    def mark_for_purge(self, image_hash: str, now: float) -> None:
        """Start or restart the purge delay of the image."""

    def purge_candidates(self) -> Iterable[PurgeCandidate]:
        """Return the marked images, as an index shows them, read page by page."""

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        """Return the items of these images using consistent reads."""

    def remove(self, candidate: PurgeCandidate, read: Image, now: float) -> bool:
        """Delete the item, unless it was marked again, is leased, or got a result since it was ``read``.

        Return whether it was deleted.
        """


class Requests(Protocol):
    def pending_for_image(self, image_hash: str) -> Iterable[ScanRequest]: ...


class Bucket(Protocol):
    def was_uploaded_since(self, image_hash: str, since: float) -> bool:
        """Return whether the bytes of the image were uploaded again after that time."""

    def remove(self, image_hash: str, until: float) -> bool:
        """Delete the versions of the image's bytes that were uploaded by that time. Return whether none is left."""


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """What one run purged, how many images could not be purged, and whether the run considered all candidates."""

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
            on_error(candidate.image_hash, error)
    return PurgeReport(purged, failed, is_complete=True)


def _purge(candidate: PurgeCandidate, images: Images, requests: Requests, bucket: Bucket, now: float) -> bool:
    """Purge the image, and return whether its item was deleted."""
    if _is_within_delay(candidate.marked_at, now):
        return False  # without a call, so that recent deletions do not keep a run from older ones
    image = images.get_many([candidate.image_hash]).get(candidate.image_hash)
    if image is None or _is_needed(candidate, image, requests, now):
        return False
    if bucket.was_uploaded_since(candidate.image_hash, candidate.marked_at):
        images.mark_for_purge(candidate.image_hash, now)  # for a deleted request, or for one not stored yet
        return False
    return bucket.remove(candidate.image_hash, candidate.marked_at) and images.remove(candidate, image, now)


def _is_needed(candidate: PurgeCandidate, image: Image, requests: Requests, now: float) -> bool:
    answered_at = (*([image.scan.finished_at] if image.scan else []), *image.exhausted_at)
    answered_recently = any(_is_within_delay(at, now) for at in answered_at)
    return answered_recently or any(True for _ in requests.pending_for_image(candidate.image_hash))


def _is_within_delay(since: float, now: float) -> bool:
    return now < since + PURGE_DELAY_SECONDS
