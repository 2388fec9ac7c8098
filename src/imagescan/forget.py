"""Remove the images whose request was deleted, bytes and labels, once nobody can need them any more.

An answered request holds its whole answer, so only requests that wait need their image. One that is about to be
stored, or that an index does not show yet, may still need it: hence the quiet time.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from imagescan.requests import Image, Marked, ScanRequest

# Longer than a submission may take, than an index may lag, and than an address lives to which bytes may still be sent.
QUIET_SECONDS = 20 * 60
SECONDS_FOR_AN_IMAGE = 5.0


class Images(Protocol):
    def mark_for_removal(self, image_hash: str, now: float) -> None:
        """Begin the image's quiet time, or begin it anew."""

    def marked_for_removal(self) -> Iterable[Marked]:
        """The images that are marked, as an index knows them; read page by page."""

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        """The rows of these images, strongly read."""

    def remove(self, marked: Marked, seen: Image, now: float) -> bool:
        """Delete the row, unless it was marked anew, is leased, or was finished since ``seen``; whether it is gone."""


class Requests(Protocol):
    def waiting_for(self, image_hash: str) -> Iterable[ScanRequest]: ...


class Bucket(Protocol):
    def was_uploaded_since(self, image_hash: str, since: float) -> bool:
        """Whether the image's bytes came once more after that."""

    def remove(self, image_hash: str, until: float) -> None:
        """Delete the image's bytes as far as they were uploaded by then, every version."""


def forget(
    *,
    images: Images,
    requests: Requests,
    bucket: Bucket,
    clock: Callable[[], float],
    time_left: Callable[[], float],
) -> int:
    """Remove the marked images that nobody needs; how many went. Safe to run twice at once, and to be cut short.

    The bytes go before the row: the row carries the mark, by which the next run finds what was left.
    """
    gone = 0
    for marked in images.marked_for_removal():
        if time_left() < SECONDS_FOR_AN_IMAGE:
            break
        now = clock()
        image = images.get_many([marked.image_hash]).get(marked.image_hash)
        if image is None or _is_needed(marked, image, requests, now):
            continue
        if bucket.was_uploaded_since(marked.image_hash, marked.since):
            images.mark_for_removal(marked.image_hash, now)  # by a deleted request, or by one that may yet be stored
            continue
        bucket.remove(marked.image_hash, marked.since)
        gone += images.remove(marked, image, now)
    return gone


def _is_needed(marked: Marked, image: Image, requests: Requests, now: float) -> bool:
    quiet_since = max(marked.since, image.scan.finished_at if image.scan else 0.0)
    return now < quiet_since + QUIET_SECONDS or any(True for _ in requests.waiting_for(marked.image_hash))
