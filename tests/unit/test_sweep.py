from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from imagescan.domain.feature import Feature
from imagescan.domain.image_record import Image, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.policy import DAY_SECONDS, GRACE_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest
from imagescan.use_cases.sweep import REQUEUE_AFTER_SECONDS, Sweep, SweepReport
from testing.fakes import FakeImages, FakePosition, FakeRequests

NOW = 10_000.0
LOST = NOW - REQUEUE_AFTER_SECONDS - 1
SCAN = Scan(Status.COMPLETED, NOW - 30, (Label("Cat", 97),))


@dataclass
class FakeQueue:
    keys: list[str] = field(default_factory=list)

    def enqueue_all(self, keys: Sequence[str]) -> list[str]:
        self.keys += keys
        return []


def request(image: str = "h", created_at: float = LOST, number: int = 0) -> ScanRequest:
    return ScanRequest(
        f"r{number}", image, f"images/{image}", Question(("cat",), 90), created_at, deadline=created_at + 3600
    )


def run_sweep(
    pending: list[ScanRequest], image: Image | None = None, *, is_claimable: bool = True, time_left: float = 60
) -> tuple[SweepReport, FakeRequests, FakeQueue]:
    requests, queue = FakeRequests(pending), FakeQueue()
    images = FakeImages({image.hash: image} if image else {}, is_claimable=is_claimable)
    report = Sweep(
        images=images,
        requests=requests,
        queue=queue,
        position=FakePosition(),
        clock=lambda: NOW,
        time_left=lambda: time_left,
        on_error=lambda item, error: pytest.fail(f"{item}: {error}"),
    ).run()
    return report, requests, queue


@pytest.mark.parametrize(
    "image", [None, Image("h"), Image("h", 1, lease_until=NOW - 1), Image("h", 1, requeued_at=LOST)]
)
def test_an_image_whose_message_appears_lost_is_requeued_once(image: Image | None) -> None:
    report, _, queue = run_sweep([request(number=1), request(number=2)], image)
    assert (queue.keys, report.requeued) == (["images/h"], 1)


def test_an_image_is_requeued_under_each_key_that_may_hold_its_bytes() -> None:
    other_type = replace(request(number=2), image_key="images/h.other")
    report, _, queue = run_sweep([request(number=1), other_type, request(number=3)])
    assert (queue.keys, report.requeued) == (["images/h", "images/h.other"], 1)


@pytest.mark.parametrize(
    ("created_at", "image", "is_claimable"),
    [
        (NOW - 60, None, True),  # recent: its message is in flight
        (NOW - 3601, None, True),  # too late for every request
        (LOST, Image("h", 1, lease_until=NOW + 1), True),  # being scanned
        (LOST, Image("h", deferred_at=(LOST,)), True),  # deferred to the next day
        (LOST, None, False),  # requeued by a concurrent sweep
    ],
)
def test_an_image_is_requeued_only_if_necessary(created_at: float, image: Image | None, is_claimable: bool) -> None:
    _, _, queue = run_sweep([request(created_at=created_at)], image, is_claimable=is_claimable)
    assert queue.keys == []


def test_a_request_that_awaits_its_upload_is_not_overdue() -> None:
    late = request(created_at=NOW - 3601)
    report, _, _ = run_sweep([late, replace(late, id="r1", awaits_upload=True)])
    assert (report.pending, report.overdue) == (2, 1)


def test_missed_requests_are_settled_and_their_image_is_not_requeued() -> None:
    report, requests, queue = run_sweep([request(number=n) for n in range(30)], Image("h", scan=SCAN))
    assert [len(chunk) for chunk in requests.settled] == [25, 5]
    assert (report.settled, queue.keys) == (30, [])


def test_a_request_past_its_deadline_and_the_grace_period_is_settled_as_timed_out() -> None:
    report, requests, _ = run_sweep([request(created_at=NOW - 3600 - GRACE_SECONDS - 1)])
    [[settled]] = requests.settled
    assert settled.answer
    assert (settled.answer.status, report.overdue) == (Status.FAILED, 1)


def test_a_sweep_that_runs_out_of_time_stops_and_reports_it() -> None:
    report, requests, queue = run_sweep([request()], Image("h", scan=SCAN), time_left=5)
    assert (report.is_complete, requests.settled, queue.keys) == (False, [], [])


def test_pending_requests_are_swept_page_by_page() -> None:
    report, _, queue = run_sweep([request(image=f"h{n}", number=n) for n in range(250)])
    assert (report.pending, report.requeued, len(queue.keys)) == (250, 250, 250)


def test_a_deferred_image_is_requeued_the_next_day() -> None:
    yesterday = request(created_at=NOW - DAY_SECONDS)
    pending = replace(yesterday, deadline=yesterday.created_at + 4 * 3600)
    report, requests, queue = run_sweep([pending], Image("h", deferred_at=(yesterday.created_at + 60,)))
    assert (queue.keys, report.requeued, report.overdue, requests.settled) == (["images/h"], 1, 0, [])


# ---------------------------------------------------------------- several features

FOR_TWO = Question(("cat",), 90, others=((Feature.TEXT, ("sale",)),))
TEXT_SCAN = replace(SCAN, findings=(), feature=Feature.TEXT)


def request_for_two(number: int = 0, created_at: float = LOST) -> ScanRequest:
    own_key = f"uploads/r{number}/h"
    return replace(request(number=number, created_at=created_at), question=FOR_TWO, image_key=own_key)


@dataclass
class RecordingImages(FakeImages):
    """The images table. ``reopened`` records the keys of the reopened items."""

    reopened: list[str] = field(default_factory=list)

    def reopen(self, image: Image) -> None:
        self.reopened.append(image.key)


def sweep_items(
    pending: list[ScanRequest], *items: Image, unreadable: bool = False
) -> tuple[SweepReport, FakeRequests, FakeQueue, RecordingImages]:
    """Sweep while these items exist. ``unreadable`` makes each read of an item for text fail."""

    class Images(RecordingImages):
        def get_many(self, keys: Sequence[str]) -> dict[str, Image]:
            if unreadable and any(key.endswith("#text") for key in keys):
                raise KeyError("finished_at")
            return super().get_many(keys)

    images, requests, queue = Images({item.key: item for item in items}), FakeRequests(pending), FakeQueue()
    report = Sweep(
        images=images,
        requests=requests,
        queue=queue,
        position=FakePosition(),
        clock=lambda: NOW,
        time_left=lambda: 60,
        on_error=lambda item, error: None if unreadable else pytest.fail(f"{item}: {error}"),
    ).run()
    return report, requests, queue, images


@pytest.mark.parametrize(
    "items",
    [
        (Image("h", scan=SCAN),),
        (Image("h", scan=SCAN), Image("h#text", 1, lease_until=NOW - 1)),
        (Image("h#text", scan=TEXT_SCAN),),
        (Image("h", 1, lease_until=NOW - 1), Image("h#text", scan=TEXT_SCAN)),
        (Image("h", 1, lease_until=NOW + 1), Image("h#text", 1, lease_until=NOW - 1)),
        (Image("h", deferred_at=(LOST,)),),
    ],
)
def test_an_image_is_requeued_if_the_scan_for_one_feature_appears_lost(items: tuple[Image, ...]) -> None:
    report, requests, queue, _ = sweep_items([request_for_two()], *items)
    assert (queue.keys, report.requeued, requests.settled) == (["uploads/r0/h"], 1, [])


@pytest.mark.parametrize(
    "text",
    [
        Image("h#text", 1, lease_until=NOW + 1),
        Image("h#text", 1, not_before=NOW + 1),
        Image("h#text", deferred_at=(LOST,)),
    ],
    ids=["leased", "backing off", "deferred"],
)
def test_an_image_is_not_requeued_if_no_feature_can_be_scanned_now(text: Image) -> None:
    _, requests, queue, _ = sweep_items([request_for_two()], Image("h", scan=SCAN), text)
    assert (queue.keys, requests.settled) == ([], [])


def test_an_image_that_this_service_requeued_recently_is_not_requeued_for_another_feature() -> None:
    _, _, queue, _ = sweep_items([request_for_two()], Image("h", scan=SCAN, requeued_at=NOW - 1))
    assert queue.keys == []


def test_a_request_is_settled_when_all_of_its_features_are_scanned() -> None:
    report, requests, queue, _ = sweep_items(
        [request_for_two(), request(number=1)], Image("h", scan=SCAN), Image("h#text", scan=TEXT_SCAN)
    )
    assert ([each.id for chunk in requests.settled for each in chunk], queue.keys) == (["r0", "r1"], [])
    assert report.settled == 2


def test_each_object_that_may_hold_the_bytes_is_requeued_for_a_lost_feature() -> None:
    pending = [request(number=1), request_for_two(number=2), request_for_two(number=3)]
    _, _, queue, _ = sweep_items(pending, Image("h#text", scan=TEXT_SCAN))
    assert queue.keys == ["images/h", "uploads/r2/h", "uploads/r3/h"]


def test_only_the_exhausted_feature_is_reopened_before_its_image_is_requeued() -> None:
    text = Image("h#text", 5, exhausted_at=(LOST - 60,), is_exhausted=True)
    _, _, queue, images = sweep_items([request_for_two()], Image("h", scan=SCAN), text)
    assert (images.reopened, queue.keys) == (["h#text"], ["uploads/r0/h"])


def test_a_request_whose_feature_was_exhausted_after_it_is_settled_when_the_other_one_is_decided() -> None:
    text = Image("h#text", 5, exhausted_at=(LOST + 60,), is_exhausted=True)
    _, undecided, _, _ = sweep_items([request_for_two()], Image("h", 1, lease_until=NOW + 1), text)
    assert undecided.settled == []
    _, requests, queue, _ = sweep_items([request_for_two()], Image("h", scan=SCAN), text)
    [[settled]] = requests.settled
    assert settled.answer
    assert settled.answer.failure
    assert (settled.answer.failure.feature, queue.keys) == (Feature.TEXT, [])


def test_an_unreadable_item_of_one_feature_does_not_affect_requests_that_do_not_need_it() -> None:
    report, requests, queue, _ = sweep_items(
        [request_for_two(), request(number=1)], Image("h", scan=SCAN), unreadable=True
    )
    assert [each.id for chunk in requests.settled for each in chunk] == ["r1"]
    assert (report.failed, queue.keys) == (1, [])
