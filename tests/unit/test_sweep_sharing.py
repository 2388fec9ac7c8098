"""A sweep continues where the previous one stopped, shares its time between owners and isolates failing items."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count, repeat

import pytest

from imagescan.domain.image_record import Image, Scan, Status
from imagescan.domain.question import Question
from imagescan.domain.scan_request import PendingPage, ScanRequest
from imagescan.use_cases import sweep as module
from imagescan.use_cases.sweep import PAGE_SIZE, REQUEUE_AFTER_SECONDS, Sweep, SweepReport
from testing.fakes import FakeImages, FakePosition, FakeRequests

NOW = 10_000.0
LOST = NOW - REQUEUE_AFTER_SECONDS - 1
SCAN = Scan(Status.COMPLETED, NOW - 30)


def request(number: int, owner: str | None = None) -> ScanRequest:
    """Return a request for an image of its own, whose message appears lost."""
    name = f"h{number}"
    question = Question(("cat",), 90)
    return ScanRequest(f"r{number}", name, f"images/{name}", question, LOST, LOST + 3600, owner=owner)


@dataclass
class FakeQueue:
    """A queue that rejects the keys in ``rejected``. ``sent`` holds the batches."""

    rejected: set[str] = field(default_factory=set)
    error: Exception | None = None
    sent: list[list[str]] = field(default_factory=list)

    def enqueue_all(self, keys: Sequence[str]) -> list[str]:
        if self.error:
            raise self.error
        self.sent.append([key for key in keys if key not in self.rejected])
        return [key for key in keys if key in self.rejected]

    @property
    def keys(self) -> list[str]:
        return [*chain.from_iterable(self.sent)]


@dataclass
class FaultyImages(FakeImages):
    """Calls that include a hash in ``unreadable`` or ``unclaimable`` fail."""

    unreadable: set[str] = field(default_factory=set)
    unclaimable: set[str] = field(default_factory=set)

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        if self.unreadable.intersection(image_hashes):
            raise KeyError("finished_at")
        return super().get_many(image_hashes)

    def claim_requeues(self, image_hashes: Sequence[str], now: float, requeued_before: float) -> list[str]:
        if self.unclaimable.intersection(image_hashes):
            raise RuntimeError("claim failed")
        return super().claim_requeues(image_hashes, now, requeued_before)


@dataclass
class FaultyRequests(FakeRequests):
    """Settling a request in ``unsettleable`` fails. ``malformed`` are reported with the first page."""

    unsettleable: set[str] = field(default_factory=set)
    malformed: tuple[str, ...] = ()
    unreadable_after: int | None = None

    def pending_pages(self, start: str | None) -> Iterator[PendingPage]:
        for number, page in enumerate(super().pending_pages(start)):
            if number == self.unreadable_after:
                raise RuntimeError("Scan failed")
            yield replace(page, malformed=() if number else self.malformed)

    def settle(self, requests: Sequence[ScanRequest]) -> None:
        if self.unsettleable.intersection(each.id for each in requests):
            raise RuntimeError("settle failed")
        super().settle(requests)


@dataclass
class Service:
    """A service with pending requests. ``errors`` holds what the sweeps reported."""

    requests: FaultyRequests
    images: FaultyImages = field(default_factory=FaultyImages)
    queue: FakeQueue = field(default_factory=FakeQueue)
    position: FakePosition = field(default_factory=FakePosition)
    errors: list[str] = field(default_factory=list)

    def sweep(self, time_left: Callable[[], float] = lambda: 60.0) -> SweepReport:
        return Sweep(
            images=self.images,
            requests=self.requests,
            queue=self.queue,
            position=self.position,
            clock=lambda: NOW,
            time_left=time_left,
            on_error=lambda item, _: self.errors.append(item),
        ).run()


def service(*pending: ScanRequest, **faults: object) -> Service:
    return Service(FaultyRequests([*pending], **faults))  # type: ignore[arg-type]  # the fields of the fake


def time_for(pages: int) -> Callable[[], float]:
    times = chain(repeat(60.0, pages), repeat(1.0))
    return lambda: next(times)


def test_a_sweep_that_is_out_of_time_saves_the_page_that_it_did_not_process() -> None:
    pending = service(*map(request, range(3 * PAGE_SIZE)))
    assert not pending.sweep(time_for(pages=2)).is_complete
    assert (pending.position.start, len(pending.queue.keys)) == (str(2 * PAGE_SIZE), 2 * PAGE_SIZE)


def test_the_next_sweep_continues_there_and_the_one_after_it_at_the_first_page() -> None:
    pending = service(*map(request, range(3 * PAGE_SIZE)))
    pending.sweep(time_for(pages=2))
    assert pending.sweep().pending == PAGE_SIZE
    assert (len(set(pending.queue.keys)), pending.position.start) == (3 * PAGE_SIZE, None)
    assert pending.sweep().pending == 3 * PAGE_SIZE


def test_a_sweep_with_time_for_one_page_reaches_every_page() -> None:
    pending = service(*map(request, range(5 * PAGE_SIZE)))
    reports = [pending.sweep(time_for(pages=1)) for _ in range(5)]
    assert len(set(pending.queue.keys)) == 5 * PAGE_SIZE
    assert not any(report.is_complete for report in reports)  # none of them read all pages


def test_a_complete_sweep_writes_no_position() -> None:
    pending = service(request(1))
    pending.sweep()
    assert pending.position.saved == []


@pytest.mark.parametrize(
    ("start", "unreadable_after", "saved"), [(None, 1, []), ("100", 0, [None]), ("100", 2, ["200"])]
)
def test_a_page_that_cannot_be_read_ends_the_sweep_and_is_reached_again(
    start: str | None, unreadable_after: int, saved: list[str | None]
) -> None:
    pending = service(*map(request, range(5 * PAGE_SIZE)), unreadable_after=unreadable_after)
    pending.position.start = start
    with pytest.raises(RuntimeError, match="Scan failed"):
        pending.sweep()
    assert pending.position.saved == saved


def test_a_position_that_cannot_be_read_starts_the_sweep_at_the_first_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: FakePosition) -> str:
        raise RuntimeError("GetItem failed")

    monkeypatch.setattr(FakePosition, "load", fail)
    pending = service(request(1))
    assert (pending.sweep().requeued, pending.errors) == (1, ["position"])


def test_no_claim_is_written_for_an_image_whose_item_records_a_recent_requeue() -> None:
    pending = service(*map(request, range(3)))
    pending.images.items["h1"] = Image("h1", 1, requeued_at=NOW - 60)
    assert pending.sweep().requeued == 2
    assert pending.images.claims == ["h0", "h2"]


def test_messages_are_sent_in_batches_of_ten() -> None:
    pending = service(*map(request, range(25)))
    pending.sweep()
    assert [len(batch) for batch in pending.queue.sent] == [10, 10, 5]


def test_a_rejected_message_is_reported_and_not_counted() -> None:
    pending = service(*map(request, range(12)))
    pending.queue.rejected = {"images/h3"}
    report = pending.sweep()
    assert (report.requeued, report.failed, pending.errors) == (11, 1, ["images/h3"])


def test_a_queue_that_is_unavailable_does_not_prevent_settling() -> None:
    pending = service(request(1), request(2))
    pending.images.items["h2"] = Image("h2", scan=SCAN)
    pending.queue.error = RuntimeError("SQS is unavailable")
    report = pending.sweep()
    assert (report.settled, report.requeued, report.failed) == (1, 0, 1)


def test_an_owner_with_many_images_does_not_delay_those_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REQUEUES_PER_OWNER", PAGE_SIZE)
    many = [request(number, "many") for number in range(4 * PAGE_SIZE)]
    pending = service(*many, request(9999, "few"))
    assert pending.sweep().is_complete
    assert pending.queue.keys.index("images/h9999") == PAGE_SIZE
    assert len(pending.queue.keys) == 4 * PAGE_SIZE + 1


def test_an_image_of_two_owners_uses_the_share_of_the_one_with_fewer_requeues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REQUEUES_PER_OWNER", 1)
    shared = replace(request(2, "few"), image_hash="h1", image_key="images/h1")
    pending = service(request(0, "many"), request(1, "many"), shared, request(3, "many"))
    pending.sweep()
    assert pending.queue.keys == ["images/h0", "images/h1", "images/h3"]


def test_images_over_the_share_that_do_not_fit_into_the_time_make_a_sweep_incomplete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "REQUEUES_PER_OWNER", PAGE_SIZE)
    pending = service(*map(request, range(3 * PAGE_SIZE)))
    report = pending.sweep(time_for(pages=4))  # three pages, and one chunk of postponed images
    assert (report.is_complete, report.requeued) == (False, 2 * PAGE_SIZE)


def test_images_over_the_share_that_are_not_remembered_make_a_sweep_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REQUEUES_PER_OWNER", PAGE_SIZE)
    monkeypatch.setattr(module, "MAX_POSTPONED", 10)
    report = service(*map(request, range(3 * PAGE_SIZE))).sweep()
    assert (report.is_complete, report.requeued) == (False, PAGE_SIZE + 10)


def test_a_malformed_request_is_reported_and_does_not_affect_the_others() -> None:
    pending = service(request(1), malformed=("bad",))
    report = pending.sweep()
    assert (report.pending, report.requeued, report.failed, pending.errors) == (2, 1, 1, ["bad"])


def test_an_unreadable_image_is_reported_and_does_not_affect_the_others() -> None:
    pending = service(*map(request, range(3)))
    pending.images.unreadable = {"h1"}
    assert pending.sweep().requeued == 2
    assert (pending.queue.keys, pending.errors) == (["images/h0", "images/h2"], ["h1"])


def test_a_request_that_cannot_be_answered_is_reported_and_does_not_affect_the_others() -> None:
    pending = service(request(1), replace(request(2), deadline=None), request(3))  # type: ignore[arg-type]  # malformed
    assert pending.sweep().requeued == 2
    assert pending.errors == ["r2"]


def test_a_request_that_cannot_be_settled_is_reported_and_does_not_affect_the_others() -> None:
    pending = service(*map(request, range(3)), unsettleable={"r1"})
    pending.images.items = {f"h{number}": Image(f"h{number}", scan=SCAN) for number in range(3)}
    report = pending.sweep()
    assert (report.settled, pending.errors) == (2, ["r1"])
    assert [each.id for chunk in pending.requests.settled for each in chunk] == ["r0", "r2"]


def test_a_claim_that_fails_is_reported_and_does_not_affect_the_others() -> None:
    pending = service(*map(request, range(3)))
    pending.images.unclaimable = {"h1"}
    assert (pending.sweep().requeued, pending.errors) == (2, ["h1"])


def test_items_are_not_processed_one_by_one_without_time() -> None:
    pending = service(*map(request, range(3)))
    pending.images.unreadable = {"h1"}
    times = count(0)
    report = pending.sweep(lambda: 60.0 if next(times) == 0 else 1.0)
    assert (report.failed, report.requeued) == (3, 0)
