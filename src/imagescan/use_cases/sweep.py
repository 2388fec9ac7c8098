"""Sweep the pending requests: settle those that were missed, and enqueue images whose message was lost."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import batched
from typing import Protocol

from imagescan.domain.image_record import Image
from imagescan.domain.scan_request import PendingPage, ScanRequest, effective_deadline
from imagescan.use_cases import settle as settling
from imagescan.use_cases.settle import ITEMS_PER_CALL, newly_answered

REQUEUE_AFTER_SECONDS = 10 * 60
"""Longer than the queue's visibility timeout: a message that was in flight during a crash is visible again by then."""
PAGE_SIZE = 100  # limit of BatchGetItem and TransactWriteItems
MIN_SECONDS_PER_PAGE = 10.0
REQUEUES_PER_OWNER = 5_000
"""Images that one owner may have requeued in a run before the images of all other owners have been considered."""
MAX_POSTPONED = 50_000
"""Requests over that share that a run remembers, so that it can requeue them in the time that is left."""


class Images(Protocol):
    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        """Return the items of these images (at most 100) using consistent reads. Missing items are left out."""

    def claim_requeues(self, image_hashes: Sequence[str], now: float, requeued_before: float) -> list[str]:
        """Return the images (of at most 100) that the caller must enqueue.

        An image is claimed if it is pending and was not requeued since ``requeued_before``.
        """


class Requests(settling.Requests, Protocol):
    def pending_pages(self, start: str | None) -> Iterator[PendingPage]:
        """Return the pending requests from that position, as an index shows them, at most 100 per page."""


class Queue(Protocol):
    def enqueue_all(self, keys: Sequence[str]) -> Sequence[str]:
        """Enqueue the images under these keys for scanning, and return the keys that could not be enqueued."""


class Position(Protocol):
    """Where the previous run stopped, so that every run starts where the one before ran out of time."""

    def load(self) -> str | None: ...

    def save(self, start: str | None) -> None: ...


type OnError = Callable[[str, Exception | str], None]


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What one run found and did.

    ``overdue`` excludes requests that wait for an upload, because a client that sends nothing is not the service's
    delay. ``failed`` counts the items that could not be processed. ``is_complete`` is False if the run was out of time.
    """

    pending: int
    overdue: int
    settled: int
    requeued: int
    failed: int
    is_complete: bool


@dataclass(slots=True)
class Sweep:
    """One run over the pending requests. Concurrent runs are safe because each write is conditional.

    An item that cannot be processed is reported to ``on_error`` and does not affect other items.
    """

    images: Images
    requests: Requests
    queue: Queue
    position: Position
    clock: Callable[[], float]
    time_left: Callable[[], float]
    on_error: OnError
    counts: Counter[str] = field(default_factory=Counter)
    requeued_by_owner: Counter[str | None] = field(default_factory=Counter)
    postponed: list[ScanRequest] = field(default_factory=list)

    def run(self) -> SweepReport:
        """Sweep from where the previous run stopped."""
        start = self.position.load()
        for page in self.requests.pending_pages(start):
            if self._is_out_of_time():
                if page.start != start:
                    self.position.save(page.start)
                return self._report(is_complete=False)
            self._guard(page.start or "first page", partial(self._sweep_page, page))
        if start is not None:
            self.position.save(None)
        return self._report(is_complete=self._requeue_postponed())

    def _sweep_page(self, page: PendingPage) -> None:
        for request_id in page.malformed:
            self._fail(request_id, "the item is malformed")
        now = self.clock()
        found = self._images_of(page.requests)
        self.counts["pending"] += len(page.requests)
        self.counts["overdue"] += sum(_is_overdue(each, found.get(each.image_hash), now) for each in page.requests)
        for chunk in batched(newly_answered(page.requests, found.get, now), ITEMS_PER_CALL, strict=False):
            self.counts["settled"] += self._each_or_all(chunk, self._settle)
        self._requeue([each for each in page.requests if self._is_within_share(each)], found, now)

    def _images_of(self, requests: Sequence[ScanRequest]) -> dict[str, Image]:
        return self.images.get_many(list(dict.fromkeys(request.image_hash for request in requests)))

    def _settle(self, chunk: Sequence[ScanRequest]) -> int:
        self.requests.settle(chunk)
        return len(chunk)

    def _is_within_share(self, request: ScanRequest) -> bool:
        """Postpone the request if its owner used up the share that every owner gets first."""
        if self.requeued_by_owner[request.owner] < REQUEUES_PER_OWNER:
            return True
        if len(self.postponed) < MAX_POSTPONED:
            self.postponed.append(request)
        return False

    def _requeue(self, requests: Sequence[ScanRequest], found: dict[str, Image], now: float) -> None:
        """Enqueue the images whose message appears lost, if a scan would still be in time for one of the requests.

        The claim precedes the message. If this run dies in between, the next claim is due after the same interval.
        """
        before = now - REQUEUE_AFTER_SECONDS
        due = {
            image_hash: waiting
            for image_hash, waiting in _group_by_image(requests).items()
            if _is_due(waiting, found.get(image_hash), now, before)
        }
        self._each_or_all(tuple(due), lambda hashes: self._claim_and_enqueue(hashes, due, now, before))

    def _claim_and_enqueue(
        self, hashes: Sequence[str], due: dict[str, list[ScanRequest]], now: float, before: float
    ) -> int:
        claimed = self.images.claim_requeues(hashes, now, before) if hashes else []
        keys = {each.image_key: each.owner for image_hash in claimed for each in due[image_hash]}
        for key in self.queue.enqueue_all(list(keys)) if keys else ():
            self._fail(key, "the image could not be enqueued")
        self.requeued_by_owner.update(keys.values())
        self.counts["requeued"] += len(claimed)
        return len(claimed)

    def _requeue_postponed(self) -> bool:
        """Requeue what exceeded the share of its owner. Return whether nothing is left."""
        for chunk in batched(self.postponed, PAGE_SIZE, strict=False):
            if self._is_out_of_time():
                return False
            self._guard(chunk[0].id, partial(self._requeue_again, chunk))
        return len(self.postponed) < MAX_POSTPONED

    def _requeue_again(self, chunk: Sequence[ScanRequest]) -> None:
        self._requeue(chunk, self._images_of(chunk), self.clock())

    def _each_or_all[Item](self, items: Sequence[Item], process: Callable[[Sequence[Item]], int]) -> int:
        """Process the items together. If that fails, process each on its own, so that only the faulty one fails."""
        try:
            return process(items)
        except Exception as error:  # noqa: BLE001 - every error is reported
            if len(items) == 1:
                self._fail(_name(items[0]), error)
                return 0
        return sum(self._each_or_all([item], process) for item in items if not self._is_out_of_time())

    def _guard(self, what: str, process: Callable[[], None]) -> None:
        try:
            process()
        except Exception as error:  # noqa: BLE001 - every error is reported
            self._fail(what, error)

    def _fail(self, what: str, error: Exception | str) -> None:
        self.counts["failed"] += 1
        self.on_error(what, error)

    def _is_out_of_time(self) -> bool:
        return self.time_left() < MIN_SECONDS_PER_PAGE

    def _report(self, *, is_complete: bool) -> SweepReport:
        return SweepReport(
            pending=self.counts["pending"],
            overdue=self.counts["overdue"],
            settled=self.counts["settled"],
            requeued=self.counts["requeued"],
            failed=self.counts["failed"],
            is_complete=is_complete,
        )


def _is_overdue(request: ScanRequest, image: Image | None, now: float) -> bool:
    return now > effective_deadline(request, image) and not request.awaits_upload


def _is_due(waiting: Sequence[ScanRequest], image: Image | None, now: float, before: float) -> bool:
    """Decide from the items that were read whether the image should be requeued, so that no write is wasted."""
    if image and (image.scan or image.is_leased(now) or image.is_deferred(now)):
        return False
    if image and image.requeued_at is not None and image.requeued_at >= before:
        return False
    return any(each.created_at < before and now <= effective_deadline(each, image) for each in waiting)


def _name(item: object) -> str:
    return item.id if isinstance(item, ScanRequest) else str(item)


def _group_by_image(requests: Iterable[ScanRequest]) -> dict[str, list[ScanRequest]]:
    grouped: dict[str, list[ScanRequest]] = {}
    for request in requests:
        grouped.setdefault(request.image_hash, []).append(request)
    return grouped
