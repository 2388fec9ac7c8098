from itertools import pairwise

import pytest

from imagescan.domain.errors import NotFound
from imagescan.domain.image_record import Image, Scan, Status
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest, with_answer
from imagescan.use_cases.get_request import RequestState
from imagescan.use_cases.wait_for_answer import wait_for_answer
from testing.fakes import by_feature

PENDING = ScanRequest("r", "h", "images/h.png", Question(("cat",), 90), created_at=1000, deadline=4600)
ANSWERED = with_answer(PENDING, by_feature(Image("h", scan=Scan(Status.COMPLETED, 990))), 1001)
READ_SECONDS = 0.004


class Item:
    """The item of a request that is answered at a time. ``reads`` are the times at which it was read."""

    def __init__(self, answered_at: float) -> None:
        self.now = 500.0
        self.reads: list[float] = []
        self._answered_at = self.now + answered_at

    def read(self) -> RequestState:
        self.reads.append(self.now)
        is_answered = self.now >= self._answered_at
        self.now += READ_SECONDS
        assert ANSWERED
        return RequestState(ANSWERED if is_answered else PENDING)

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def wait(self, seconds: float) -> RequestState:
        return wait_for_answer(self.read, seconds, is_answered, clock=lambda: self.now, sleep=self.sleep)


def is_answered(state: RequestState) -> bool:
    return state.request.answer is not None


@pytest.mark.parametrize("answered_at", [at / 10 for at in range(1, 250, 7)])
def test_an_answer_is_returned_at_most_10_percent_or_50_ms_after_it_is_available(answered_at: float) -> None:
    item = Item(answered_at)
    assert item.wait(25).request == ANSWERED
    late = item.reads[-1] - 500 - answered_at
    assert 0 <= late <= max(0.05, answered_at * 0.1) + READ_SECONDS


def test_the_item_is_not_read_more_often_than_every_50_ms_and_at_most_52_times_in_25_seconds() -> None:
    item = Item(answered_at=1000)
    item.wait(25)
    *before_the_end, _ = [later - earlier for earlier, later in pairwise(item.reads)]  # the last read ends the wait
    assert min(before_the_end) >= 0.05
    assert len(item.reads) <= 52


@pytest.mark.parametrize("seconds", [1, 20, 25])
def test_a_pending_request_is_returned_at_the_end_of_the_time(seconds: int) -> None:
    item = Item(answered_at=1000)
    assert item.wait(seconds).request == PENDING
    assert item.reads[-1] == pytest.approx(500 + seconds)


def test_an_answer_that_becomes_available_during_the_last_pause_is_returned() -> None:
    assert Item(answered_at=19.99).wait(20).request == ANSWERED


def test_the_first_read_is_after_50_ms() -> None:
    item = Item(answered_at=0)
    assert item.wait(25).request == ANSWERED
    assert item.reads == [pytest.approx(500.05)]


def test_a_wait_that_is_shorter_than_the_first_pause_reads_once() -> None:
    item = Item(answered_at=1)
    assert item.wait(0.02).request == PENDING
    assert item.reads == [pytest.approx(500.02)]


def test_an_error_of_a_read_ends_the_wait() -> None:
    def read() -> RequestState:
        raise NotFound("request_not_found", "Request not found.")

    with pytest.raises(NotFound):
        wait_for_answer(read, 25, is_answered)
