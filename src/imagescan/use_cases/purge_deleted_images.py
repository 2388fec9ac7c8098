"""Purge the images of deleted requests, bytes and labels, once no request can need them.

An answered request holds its complete answer, so only pending requests need their image. A request that is about to be
stored, or that an index does not show yet, may still need it. Therefore purging waits for a delay.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from imagescan.domain.image_record import Image, PurgeCandidate
from imagescan.domain.scan_request import ScanRequest

PURGE_DELAY_SECONDS = 20 * 60
"""Longer than a submission can take, than an index can lag, and than a presigned URL is valid."""
MIN_SECONDS_PER_IMAGE = 5.0


class Images(Protocol):
    def mark_for_purge(self, image_hash: str, now: float) -> None:
        """Start or restart the purge delay of the image."""

    def purge_candidates(self) -> Iterable[PurgeCandidate]:
        """Return the marked images, as an index shows them, read page by page."""

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        """Return the items of these images using consistent reads."""

    def remove(self, candidate: PurgeCandidate, read: Image, now: float) -> bool:
        """Delete the item, unless it was marked again, is leased, or finished since it was ``read``.

        Return whether it was deleted.
        """


class Requests(Protocol):
    def pending_for_image(self, image_hash: str) -> Iterable[ScanRequest]: ...


class Bucket(Protocol):
    def was_uploaded_since(self, image_hash: str, since: float) -> bool:
        """Return whether the bytes of the image were uploaded again after that time."""

    def remove(self, image_hash: str, until: float) -> None:
        """Delete every version of the image's bytes that was uploaded by that time."""


def purge_deleted_images(
    *,
    images: Images,
    requests: Requests,
    bucket: Bucket,
    clock: Callable[[], float],
    time_left: Callable[[], float],
) -> int:
    """Purge the marked images that no request needs, and return how many were purged.

    Concurrent and interrupted runs are safe. The bytes are deleted before the item, because the item carries the mark
    by which the next run finds what remains.
    """
    purged = 0
    for candidate in images.purge_candidates():
        if time_left() < MIN_SECONDS_PER_IMAGE:
            break
        now = clock()
        image = images.get_many([candidate.image_hash]).get(candidate.image_hash)
        if image is None or _is_needed(candidate, image, requests, now):
            continue
        if bucket.was_uploaded_since(candidate.image_hash, candidate.marked_at):
            images.mark_for_purge(candidate.image_hash, now)  # for a deleted request, or for one not stored yet
            continue
        bucket.remove(candidate.image_hash, candidate.marked_at)
        purged += images.remove(candidate, image, now)
    return purged


def _is_needed(candidate: PurgeCandidate, image: Image, requests: Requests, now: float) -> bool:
    delay_starts = max(candidate.marked_at, image.scan.finished_at if image.scan else 0.0)
    return now < delay_starts + PURGE_DELAY_SECONDS or any(
        True for _ in requests.pending_for_image(candidate.image_hash)
    )
