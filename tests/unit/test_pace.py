"""The rate at which a client calls, on a clock that passes as one sleeps."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from imagescan.aws.rate_limiter import MIN_RATE, RESET_AFTER_SECONDS, AdaptiveRateLimiter


@dataclass
class Time:
    """Stands still but for sleep."""

    now: float = 1000.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def of(self, call: Callable[[], object]) -> float:
        """The seconds that it takes."""
        began = self.now
        call()
        return self.now - began


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def pace(time: Time) -> AdaptiveRateLimiter:
    return AdaptiveRateLimiter(time.clock, time.sleep)


def test_nothing_waits_before_a_call_was_throttled(pace: AdaptiveRateLimiter, time: Time) -> None:
    for _ in range(1000):
        assert time.of(pace.wait) == 0
        pace.passed()


def test_after_a_throttled_call_the_next_go_at_seven_tenths_of_the_last_seconds_rate(
    pace: AdaptiveRateLimiter, time: Time
) -> None:
    pace.wait()
    time.now += 1  # what was before does not count
    turns = [pace.wait() for _ in range(10)]
    pace.throttled(turns[0])
    assert [time.of(pace.wait) for _ in range(3)] == pytest.approx([1 / 7] * 3)


def test_a_throttled_call_that_is_told_late_slows_by_how_fast_calls_were_made(
    pace: AdaptiveRateLimiter, time: Time
) -> None:
    turns = [pace.wait() for _ in range(10)]
    time.now += 2  # such as ten connections take that a small function opens at once
    pace.throttled(turns[0])
    pace.wait()
    assert time.of(pace.wait) == pytest.approx(1 / 7)


def test_calls_that_were_in_flight_together_count_once(pace: AdaptiveRateLimiter, time: Time) -> None:
    turns = [pace.wait() for _ in range(10)]
    time.now += 0.1
    for turn in turns:
        pace.throttled(turn)
    pace.wait()
    assert time.of(pace.wait) == pytest.approx(1 / 7)


def test_each_throttled_call_since_slows_it_further_but_ten_wait_twenty_seconds_at_most(
    pace: AdaptiveRateLimiter, time: Time
) -> None:
    pace.throttled(pace.wait())
    for _ in range(10):
        pace.throttled(pace.wait())
    assert sum(time.of(pace.wait) for _ in range(10)) == pytest.approx(10 / MIN_RATE) == 20


def test_the_longer_no_call_was_throttled_the_faster_the_rate_grows(pace: AdaptiveRateLimiter, time: Time) -> None:
    pace.throttled([pace.wait() for _ in range(10)][-1])
    waits = []
    for _ in range(300):
        waits.append(time.of(pace.wait))
        pace.passed()
    assert waits == sorted(waits, reverse=True)
    assert waits[10] / waits[0] > waits[210] / waits[200]


def test_a_minute_after_the_last_throttled_call_nothing_waits(pace: AdaptiveRateLimiter, time: Time) -> None:
    pace.throttled(pace.wait())
    time.now += RESET_AFTER_SECONDS - 1
    pace.throttled(pace.wait())
    time.now += RESET_AFTER_SECONDS - 5
    pace.wait()
    assert time.of(pace.wait) > 0
    time.now += 5
    assert [time.of(pace.wait) for _ in range(10)] == [0] * 10


@pytest.mark.parametrize(("limit", "most_throttled"), [(20, 0.12), (50, 0.06), (500, 0.02)])
def test_ten_that_know_nothing_of_each_other_use_up_a_limit_and_few_calls_are_throttled(
    limit: int, most_throttled: float
) -> None:
    passed, throttled = storm(limit, seconds=60)
    assert passed / (limit * 61) > 0.98  # the bucket is full at first
    assert throttled / passed < most_throttled


def storm(limit: int, seconds: float) -> tuple[int, int]:
    """Calls that passed, and that did not: ten call as often as they may; the limit's bucket is a second deep."""
    now = 0.0
    paces = [AdaptiveRateLimiter(lambda: now, lambda _: None) for _ in range(10)]
    turns = [(pace.wait(), at) for at, pace in enumerate(paces)]
    passed, throttled, tokens = 0, 0, float(limit)
    while turns[0][0] < seconds:
        turn, at = turns[0]
        now, tokens = turn, min(limit, tokens + (turn - now) * limit)
        if tokens >= 1:
            passed, tokens = passed + 1, tokens - 1
            paces[at].passed()
        else:
            throttled += 1
            paces[at].throttled(turn)
        heapq.heapreplace(turns, (paces[at].wait(), at))
    return passed, throttled
