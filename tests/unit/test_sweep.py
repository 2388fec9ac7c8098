from dataclasses import dataclass, field, replace

import pytest

from imagescan.domain.image_record import Image, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.policy import DAY_SECONDS, GRACE_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest
from imagescan.use_cases.sweep import REQUEUE_AFTER_SECONDS, SweepReport, sweep
from testing.fakes import FakeImages, FakeRequests

NOW = 10_000.0
LOST = NOW - REQUEUE_AFTER_SECONDS - 1
SEEN = Scan(Status.COMPLETED, NOW - 30, (Label("Cat", 97),))


@dataclass
class FakeQueue:
    announced: list[str] = field(default_factory=list)

    def enqueue(self, key: str) -> None:
        self.announced.append(key)


def request(image: str = "h", created_at: float = LOST, number: int = 0) -> ScanRequest:
    return ScanRequest(
        f"r{number}", image, f"images/{image}", Question(("cat",), 90), created_at, deadline=created_at + 3600
    )


def swept(
    waiting: list[ScanRequest], row: Image | None = None, *, claimable: bool = True, time_left: float = 60
) -> tuple[SweepReport, FakeRequests, FakeQueue]:
    requests, queue = FakeRequests(waiting), FakeQueue()
    images = FakeImages({row.hash: row} if row else {}, claimable=claimable)
    found = sweep(images=images, requests=requests, queue=queue, clock=lambda: NOW, time_left=lambda: time_left)
    return found, requests, queue


@pytest.mark.parametrize("row", [None, Image("h"), Image("h", 1, lease_until=NOW - 1), Image("h", 1, requeued_at=LOST)])
def test_an_image_whose_message_seems_lost_is_queued_again_once(row: Image | None) -> None:
    found, _, queue = swept([request(number=1), request(number=2)], row)
    assert (queue.announced, found.requeued) == (["images/h"], 1)


def test_an_image_is_queued_again_under_each_key_that_its_bytes_may_lie_under() -> None:
    other_type = replace(request(number=2), image_key="images/h.other")
    found, _, queue = swept([request(number=1), other_type, request(number=3)])
    assert (queue.announced, found.requeued) == (["images/h", "images/h.other"], 1)


@pytest.mark.parametrize(
    ("created_at", "row", "claimable"),
    [
        (NOW - 60, None, True),  # young: its message is on its way
        (NOW - 3601, None, True),  # too late for anybody
        (LOST, Image("h", 1, lease_until=NOW + 1), True),  # being scanned
        (LOST, Image("h", deferred_at=(LOST,)), True),  # it waits for tomorrow's budget
        (LOST, None, False),  # another sweep has just queued it
    ],
)
def test_an_image_is_not_queued_again_without_need(created_at: float, row: Image | None, claimable: bool) -> None:
    _, _, queue = swept([request(created_at=created_at)], row, claimable=claimable)
    assert queue.announced == []


def test_a_client_that_never_uploaded_is_not_overdue() -> None:
    late = request(created_at=NOW - 3601)
    found, _, _ = swept([late, replace(late, id="r1", awaits_upload=True)])
    assert (found.waiting, found.overdue) == (2, 1)


def test_requests_that_were_missed_are_settled_and_not_queued() -> None:
    found, requests, queue = swept([request(number=n) for n in range(30)], Image("h", scan=SEEN))
    assert [len(chunk) for chunk in requests.settled] == [25, 5]
    assert (found.settled, queue.announced) == (30, [])


def test_a_request_past_deadline_and_grace_is_settled_as_timed_out() -> None:
    found, requests, _ = swept([request(created_at=NOW - 3600 - GRACE_SECONDS - 1)])
    [[row]] = requests.settled
    assert row.answer
    assert (row.answer.status, found.overdue) == (Status.FAILED, 1)


def test_it_stops_in_time_and_says_that_it_is_not_complete() -> None:
    found, requests, queue = swept([request()], Image("h", scan=SEEN), time_left=5)
    assert (found.is_complete, requests.settled, queue.announced) == (False, [], [])


def test_many_waiting_requests_are_swept_in_rounds() -> None:
    found, _, queue = swept([request(image=f"h{n}", number=n) for n in range(250)])
    assert (found.waiting, found.requeued, len(queue.announced)) == (250, 250, 250)


def test_an_image_that_waited_for_a_new_day_is_queued_again_in_it() -> None:
    asked = request(created_at=NOW - DAY_SECONDS)
    patient = replace(asked, deadline=asked.created_at + 4 * 3600)
    found, requests, queue = swept([patient], Image("h", deferred_at=(asked.created_at + 60,)))
    assert (queue.announced, found.requeued, found.overdue, requests.settled) == (["images/h"], 1, 0, [])
