"""Sweep the pending requests: settle those that were missed, and enqueue images whose message was lost."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import batched
from typing import NamedTuple, Protocol

from imagescan.domain.feature import Feature, item_key
from imagescan.domain.image_record import Image, ImageItems
from imagescan.domain.scan_request import (
    PendingPage,
    ScanRequest,
    effective_deadline,
    feature_deadline,
    needs_reopening,
    possession_key,
    visible_items,
    with_answer,
)
from imagescan.use_cases import settle as settling
from imagescan.use_cases.settle import ITEMS_PER_CALL
from imagescan.use_cases.visible_images import PossessionReader

REQUEUE_AFTER_SECONDS = 10 * 60
"""Longer than the queue's visibility timeout: a message that was in flight during a crash is visible again by then."""
PAGE_SIZE = 100  # limit of BatchGetItem and TransactWriteItems
MIN_SECONDS_PER_PAGE = 10.0
REQUEUES_PER_OWNER = 20_000
"""Images that one owner may have requeued in a run before the images of all other owners have been considered."""
MAX_POSTPONED = 50_000
"""Images over that share that a run remembers, so that it can requeue them in the time that is left."""
KEYS_PER_CALL = 10  # limit of SendMessageBatch


class Images(PossessionReader, Protocol):
    def get_many(self, keys: Sequence[str]) -> dict[str, Image]:
        """Return the items under these keys (at most 100) using consistent reads. Missing items are left out."""

    def reopen(self, image: Image) -> None:
        """Renew the attempt budget of the item, unless it changed since it was read."""

    def claim_requeues(self, image_hashes: Sequence[str], now: float, requeued_before: float) -> list[str]:
        """Return the images (of at most 100) that the caller must enqueue.

        An image is claimed if it was not requeued since ``requeued_before``.
        """


class Requests(settling.Requests, Protocol):
    def pending_pages(self, start: str | None) -> Iterator[PendingPage]:
        """Return the pending requests from that position, as an index shows them, at most 100 per page."""


class Queue(Protocol):
    def enqueue_all(self, keys: Sequence[str]) -> Sequence[str]:
        """Enqueue the images under these keys (at most 10), and return the keys that could not be enqueued."""


class Position(Protocol):
    """Where the previous run stopped, so that every run starts where the one before ran out of time."""

    def load(self) -> str | None:
        """Return the position, or None for the first page."""

    def save(self, start: str | None) -> None: ...


type OnError = Callable[[str, Exception | str], None]


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What one run found and did.

    ``overdue`` excludes requests that wait for an upload, because a client that sends nothing is not the service's
    delay. ``failed`` counts the items that could not be processed. ``is_complete`` is True if the run started at the
    first page and had time for everything.
    """

    pending: int
    overdue: int
    settled: int
    requeued: int
    failed: int
    is_complete: bool


class DueImage(NamedTuple):
    """An image whose message appears lost, the keys that may hold its bytes, and the owners of its requests.

    ``exhausted`` holds those of its items that have to be reopened first.
    """

    hash: str
    keys: tuple[str, ...]
    owners: tuple[str | None, ...]
    exhausted: tuple[Image, ...] = ()


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
    postponed: list[DueImage] = field(default_factory=list)
    claimed: set[str] = field(default_factory=set)
    enqueued: set[str] = field(default_factory=set)

    def run(self) -> SweepReport:
        """Sweep from where the previous run stopped. Raise if the pending requests cannot be read."""
        start = self._load_position()
        reached = None  # a position from which no page can be read is dropped
        try:
            for page in self.requests.pending_pages(start):
                reached = page.start
                if self._is_out_of_time():
                    self._save_position(page.start, start)
                    return self._report(is_complete=False)
                self._guard(page.start or "first page", partial(self._sweep_page, page, resumed=page.start == start))
        except Exception:
            self._save_position(reached, start)
            raise
        self._save_position(None, start)
        return self._report(is_complete=self._requeue_postponed() and start is None)

    def _load_position(self) -> str | None:
        try:
            return self.position.load()
        except Exception as error:  # noqa: BLE001 - every error is reported
            self._fail("position", error)
            return None

    def _save_position(self, position: str | None, loaded: str | None) -> None:
        if position != loaded:
            self._guard("position", partial(self.position.save, position))

    def _sweep_page(self, page: PendingPage, *, resumed: bool) -> None:
        for request_id in page.malformed:
            self._fail(request_id, "the item is malformed")
        now = self.clock()
        keys = (key for each in page.requests for key in (each.image_hash, *each.item_keys))
        found = self._read(keys, self.images.get_many)
        held = self._read(filter(None, map(possession_key, page.requests)), self.images.possessions)
        seen = {
            each.id: visible_items(each, _items_of(each, found), held[key] if key else None)
            for each in page.requests
            if found.keys() >= {each.image_hash, *each.item_keys}
            and ((key := possession_key(each)) is None or key in held)
        }
        readable = [each for each in page.requests if each.id in seen]
        answered: list[ScanRequest] = []
        healthy = [
            each
            for each in readable
            if self._guard(each.id, partial(self._examine, each, seen[each.id], now, answered))
        ]
        self.counts["pending"] += len(page.requests) + len(page.malformed)
        for chunk in batched(answered, ITEMS_PER_CALL, strict=False):
            self._each_or_all(chunk, self._settle)
        if resumed and page.start:
            self._continue_image(healthy, found, now)
        due = _due_images(healthy, found, seen, now, claimed=self.claimed, enqueued=self.enqueued)
        self._requeue(self._within_share(due), now)

    def _continue_image(self, requests: Sequence[ScanRequest], found: Mapping[str, Image | None], now: float) -> None:
        """Let this run enqueue the uploads for the image at which the previous run stopped, which claimed it.

        The index returns the requests for one image in sequence, so they may be on the pages of two runs.
        """
        if not requests:
            return
        image = found[requests[0].image_hash]
        if image and _was_requeued(image, now):
            self.claimed.add(image.hash)
            self.enqueued.update(each.image_key for each in requests if not each.has_own_object)

    def _read[Key, Item](
        self, keys: Iterable[Key], read_many: Callable[[Sequence[Key]], Mapping[Key, Item]]
    ) -> dict[Key, Item | None]:
        """Return the items under these keys, None for those that do not exist. Unreadable ones are left out."""
        found: dict[Key, Item | None] = {}

        def read(chunk: Sequence[Key]) -> None:
            items = read_many(chunk)
            found.update({key: items.get(key) for key in chunk})

        for chunk in batched(dict.fromkeys(keys), PAGE_SIZE, strict=False):
            self._each_or_all(chunk, read)
        return found

    def _examine(self, request: ScanRequest, items: ImageItems | None, now: float, answered: list[ScanRequest]) -> None:
        self.counts["overdue"] += _is_overdue(request, items, now)
        with_result = with_answer(request, items, now)
        answered += [with_result] if with_result else []

    def _settle(self, chunk: Sequence[ScanRequest]) -> None:
        self.requests.settle(chunk)
        self.counts["settled"] += len(chunk)

    def _within_share(self, due: Iterable[DueImage]) -> list[DueImage]:
        """Postpone the images of owners that used up the share that every owner gets first. Return the others."""
        chosen: list[DueImage] = []
        for image in due:
            owner = min(image.owners, key=self.requeued_by_owner.__getitem__)
            if self.requeued_by_owner[owner] < REQUEUES_PER_OWNER:
                self.requeued_by_owner[owner] += 1
                chosen.append(image)
            elif len(self.postponed) < MAX_POSTPONED:
                self.postponed.append(image)
        return chosen

    def _requeue(self, due: Sequence[DueImage], now: float) -> None:
        """Enqueue the images that this run claims.

        The claim precedes the message. If this run dies in between, or the message is rejected, the next claim is due
        after the same interval.
        """
        self._reopen(item for image in due for item in image.exhausted)
        claimed = self.claimed  # also by earlier pages: each upload has a key of its own
        self._each_or_all(
            tuple(image.hash for image in due if image.hash not in claimed),
            lambda hashes: claimed.update(self.images.claim_requeues(hashes, now, now - REQUEUE_AFTER_SECONDS)),
        )
        enqueued = self._enqueue([key for image in due if image.hash in claimed for key in image.keys])
        self.enqueued |= enqueued
        self.counts["requeued"] += sum(not enqueued.isdisjoint(image.keys) for image in due)

    def _reopen(self, items: Iterable[Image]) -> None:
        for item in items:
            self._guard(item.key, partial(self.images.reopen, item))

    def _enqueue(self, keys: Iterable[str]) -> set[str]:
        """Enqueue the images under these keys, and return the keys that were enqueued."""
        enqueued: set[str] = set()
        for chunk in batched(keys, KEYS_PER_CALL, strict=False):
            try:
                rejected = self.queue.enqueue_all(chunk)
            except Exception as error:  # noqa: BLE001 - every error is reported
                self._fail(", ".join(chunk), error, len(chunk))
                continue
            for key in rejected:
                self._fail(key, "the queue rejected the message")
            enqueued |= set(chunk) - set(rejected)
        return enqueued

    def _requeue_postponed(self) -> bool:
        """Requeue what exceeded the share of its owner. Return whether nothing is left."""
        for chunk in batched(self.postponed, PAGE_SIZE, strict=False):
            if self._is_out_of_time():
                return False
            self._guard(chunk[0].hash, partial(self._requeue, chunk, self.clock()))
        return len(self.postponed) < MAX_POSTPONED

    def _each_or_all[Item](self, items: Sequence[Item], process: Callable[[Sequence[Item]], None]) -> None:
        """Process the items together. If that fails, process each on its own, so that only the faulty one fails."""
        if not items:
            return
        try:
            process(items)
        except Exception as error:  # noqa: BLE001 - every error is reported
            if len(items) == 1:
                self._fail(_name(items[0]), error)
            elif self._is_out_of_time():
                self._fail(_name(items[0]), error, len(items))
            else:
                for item in items:
                    self._each_or_all([item], process)

    def _guard(self, what: str, process: Callable[[], None]) -> bool:
        """Return whether ``process`` did not raise."""
        try:
            process()
        except Exception as error:  # noqa: BLE001 - every error is reported
            self._fail(what, error)
            return False
        return True

    def _fail(self, what: str, error: Exception | str, items: int = 1) -> None:
        self.counts["failed"] += items
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


def _is_overdue(request: ScanRequest, items: ImageItems | None, now: float) -> bool:
    return now > effective_deadline(request, items) and not request.awaits_upload


def _items_of(request: ScanRequest, found: Mapping[str, Image | None]) -> dict[Feature, Image]:
    """Return the items that the request needs, without those that do not exist."""
    return {item.feature: item for key in request.item_keys if (item := found.get(key))}


def _due_images(
    requests: Iterable[ScanRequest],
    found: Mapping[str, Image | None],
    seen: Mapping[str, ImageItems | None],
    now: float,
    *,
    claimed: Collection[str],
    enqueued: Collection[str],
) -> Iterator[DueImage]:
    """Return the images that should be requeued, as far as the items show that were read, so that no write is wasted.

    An image is due if its message appears lost and a scan would still be in time for one of its requests, or if the
    upload of an owner who does not have it would. This run has ``claimed`` some images, and has ``enqueued`` some keys,
    on earlier pages.
    """
    for image_hash, waiting in _group_by_image(requests).items():
        image = found[image_hash]
        keys = tuple(key for key in dict.fromkeys(each.image_key for each in waiting) if key not in enqueued)
        if not keys or (image and _was_requeued(image, now) and image_hash not in claimed):
            continue
        overdue = [each for each in waiting if each.created_at < now - REQUEUE_AFTER_SECONDS]
        not_received = {
            each.image_key
            for each in overdue
            if each.owner is not None and seen[each.id] is None and now <= effective_deadline(each, None)
        }
        scans = [
            item
            for each in overdue
            for feature in each.features
            if (items := seen[each.id]) is not None
            for item in _item_to_scan(each, feature, found, items, now)
        ]
        if scans:
            exhausted = tuple({item.key: item for item in scans if item.is_exhausted}.values())
            yield DueImage(image_hash, keys, tuple({each.owner for each in waiting}), exhausted)
        elif not_received:
            owners = tuple({each.owner for each in waiting if each.image_key in not_received})
            yield DueImage(image_hash, tuple(key for key in keys if key in not_received), owners)


def _item_to_scan(
    request: ScanRequest, feature: Feature, found: Mapping[str, Image | None], seen: ImageItems, now: float
) -> Iterator[Image]:
    """Yield the item for this feature if it can be scanned now for the request, which may see ``seen``."""
    key = item_key(request.image_hash, feature)
    item = found[key] or Image(key)
    if now > feature_deadline(request, seen.get(feature)):
        return
    if item.scan or item.is_leased(now) or item.is_deferred(now) or item.is_backing_off(now):
        return
    if not item.is_exhausted or needs_reopening(request, item, seen.get(feature, item), now):
        yield item


def _was_requeued(image: Image, now: float) -> bool:
    return image.requeued_at is not None and image.requeued_at >= now - REQUEUE_AFTER_SECONDS


def _name(item: object) -> str:
    return item.id if isinstance(item, ScanRequest) else str(item)


def _group_by_image(requests: Iterable[ScanRequest]) -> dict[str, list[ScanRequest]]:
    grouped: dict[str, list[ScanRequest]] = {}
    for request in requests:
        grouped.setdefault(request.image_hash, []).append(request)
    return grouped
