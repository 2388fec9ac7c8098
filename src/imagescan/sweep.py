"""Find the requests that wait too long: settle what was missed, queue again the images whose message was lost."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Protocol

from imagescan import settle as settling
from imagescan.requests import Image, ScanRequest, deadline_of
from imagescan.settle import answered, settle

# Longer than the queue's visibility time-out: a message that a crash left in flight has come back by then.
PATIENCE_SECONDS = 10 * 60
ROWS_AT_ONCE = 100  # what one BatchGetItem takes
SECONDS_FOR_A_ROUND = 10.0


class Images(Protocol):
    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        """The rows of these images (at most 100), strongly read; those that have none are left out."""

    def claim_requeue(self, image_hash: str, now: float, not_since: float) -> bool:
        """Whether it falls to the caller to queue the image again: it is pending and nobody did since ``not_since``."""


class Requests(settling.Requests, Protocol):
    def all_waiting(self) -> Iterable[ScanRequest]:
        """Every request that waits, as an index knows them; read page by page."""


class Queue(Protocol):
    def announce(self, key: str) -> None:
        """Queue the image under ``key`` for scanning."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What one run found and did; ``is_complete`` is False when its time ran out first.

    ``overdue`` leaves out what awaited an upload: a client that sent nothing is not late by our fault.
    """

    waiting: int
    overdue: int
    settled: int
    queued_again: int
    is_complete: bool


def sweep(
    *,
    images: Images,
    requests: Requests,
    queue: Queue,
    clock: Callable[[], float],
    time_left: Callable[[], float],
) -> Swept:
    """One run over all that waits. Safe to run twice at once: each write is conditional."""
    waiting = overdue = settled = queued_again = 0
    for rows in batched(requests.all_waiting(), ROWS_AT_ONCE, strict=False):
        if time_left() < SECONDS_FOR_A_ROUND:
            return Swept(waiting, overdue, settled, queued_again, is_complete=False)
        now = clock()
        found = images.get_many(list(dict.fromkeys(row.image_hash for row in rows)))
        waiting += len(rows)
        overdue += sum(_is_overdue(row, found.get(row.image_hash), now) for row in rows)
        settled += settle(answered(rows, found.get, now), requests=requests, time_left=time_left)
        for image_hash, of_image in _by_image(rows).items():
            queued_again += _queue_again(of_image, found.get(image_hash), images, queue, now)
    return Swept(waiting, overdue, settled, queued_again, is_complete=True)


def _is_overdue(row: ScanRequest, image: Image | None, now: float) -> bool:
    return now > deadline_of(row, image) and not row.awaits_upload


def _by_image(rows: Iterable[ScanRequest]) -> dict[str, list[ScanRequest]]:
    grouped: dict[str, list[ScanRequest]] = {}
    for row in rows:
        grouped.setdefault(row.image_hash, []).append(row)
    return grouped


def _queue_again(rows: list[ScanRequest], image: Image | None, images: Images, queue: Queue, now: float) -> bool:
    """Announces the image again when its message seems lost and an answer would still be in time for somebody.

    The claim comes before the message: when this dies in between, the next claim is due after the same patience.
    """
    long_ago = now - PATIENCE_SECONDS
    is_due = any(row.created_at < long_ago and now <= deadline_of(row, image) for row in rows)
    if not is_due or (image and (image.scan or image.is_leased(now) or image.is_put_off(now))):
        return False
    if not images.claim_requeue(rows[0].image_hash, now, long_ago):
        return False
    for key in dict.fromkeys(row.image_key for row in rows):  # what calls itself another type lies under another key
        queue.announce(key)
    return True
