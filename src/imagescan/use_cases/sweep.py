"""Sweep the pending requests: settle those that were missed, and enqueue images whose message was lost."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Protocol

from imagescan.domain.image_record import Image
from imagescan.domain.scan_request import ScanRequest, effective_deadline
from imagescan.use_cases import settle as settling
from imagescan.use_cases.settle import newly_answered, settle

REQUEUE_AFTER_SECONDS = 10 * 60
"""Longer than the queue's visibility timeout: a message that was in flight during a crash is visible again by then."""
PAGE_SIZE = 100  # limit of BatchGetItem
MIN_SECONDS_PER_PAGE = 10.0


class Images(Protocol):
    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        """Return the items of these images (at most 100) using consistent reads. Missing items are left out."""

    def claim_requeue(self, image_hash: str, now: float, requeued_before: float) -> bool:
        """Return whether the caller must enqueue the image: it is pending and was not requeued since that time."""


class Requests(settling.Requests, Protocol):
    def all_pending(self) -> Iterable[ScanRequest]:
        """Return every pending request, as an index shows them, read page by page."""


class Queue(Protocol):
    def enqueue(self, key: str) -> None:
        """Enqueue the image under ``key`` for scanning."""


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What one run found and did. ``is_complete`` is False if the run was out of time.

    ``overdue`` excludes requests that wait for an upload, because a client that sends nothing is not the service's
    delay.
    """

    pending: int
    overdue: int
    settled: int
    requeued: int
    is_complete: bool


def sweep(
    *,
    images: Images,
    requests: Requests,
    queue: Queue,
    clock: Callable[[], float],
    time_left: Callable[[], float],
) -> SweepReport:
    """Sweep all pending requests once. Concurrent runs are safe because each write is conditional."""
    pending = overdue = settled = requeued = 0
    for page in batched(requests.all_pending(), PAGE_SIZE, strict=False):
        if time_left() < MIN_SECONDS_PER_PAGE:
            return SweepReport(pending, overdue, settled, requeued, is_complete=False)
        now = clock()
        found = images.get_many(list(dict.fromkeys(request.image_hash for request in page)))
        pending += len(page)
        overdue += sum(_is_overdue(request, found.get(request.image_hash), now) for request in page)
        settled += settle(newly_answered(page, found.get, now), requests=requests, time_left=time_left)
        for image_hash, waiting in _group_by_image(page).items():
            requeued += _requeue_if_due(waiting, found.get(image_hash), images, queue, now)
    return SweepReport(pending, overdue, settled, requeued, is_complete=True)


def _is_overdue(request: ScanRequest, image: Image | None, now: float) -> bool:
    return now > effective_deadline(request, image) and not request.awaits_upload


def _group_by_image(requests: Iterable[ScanRequest]) -> dict[str, list[ScanRequest]]:
    grouped: dict[str, list[ScanRequest]] = {}
    for request in requests:
        grouped.setdefault(request.image_hash, []).append(request)
    return grouped


def _requeue_if_due(waiting: list[ScanRequest], image: Image | None, images: Images, queue: Queue, now: float) -> bool:
    """Enqueue the image if its message appears lost and a scan would still be in time for one of the requests.

    The claim precedes the message. If this run dies in between, the next claim is due after the same interval.
    """
    before = now - REQUEUE_AFTER_SECONDS
    is_due = any(request.created_at < before and now <= effective_deadline(request, image) for request in waiting)
    if not is_due or (image and (image.scan or image.is_leased(now) or image.is_deferred(now))):
        return False
    if not images.claim_requeue(waiting[0].image_hash, now, before):
        return False
    for key in dict.fromkeys(request.image_key for request in waiting):  # another declared type is another key
        queue.enqueue(key)
    return True
