"""Test the rate limiter on a virtual clock that only ``sleep`` advances."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from imagescan.aws.rate_limiter import MIN_RATE, RESET_AFTER_SECONDS, AdaptiveRateLimiter


@dataclass
class VirtualTime:
    now: float = 1000.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def duration_of(self, call: Callable[[], object]) -> float:
        """Return the duration of a call in seconds."""
        started = self.now
        call()
        return self.now - started


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def limiter(time: VirtualTime) -> AdaptiveRateLimiter:
    return AdaptiveRateLimiter(time.clock, time.sleep)


def test_calls_are_unlimited_until_one_is_throttled(limiter: AdaptiveRateLimiter, time: VirtualTime) -> None:
    for _ in range(1000):
        assert time.duration_of(limiter.acquire) == 0
        limiter.on_success()


def test_a_throttled_call_reduces_the_rate_to_seven_tenths_of_the_last_second(
    limiter: AdaptiveRateLimiter, time: VirtualTime
) -> None:
    limiter.acquire()
    time.now += 1  # earlier calls do not count
    slots = [limiter.acquire() for _ in range(10)]
    limiter.on_throttle(slots[0])
    assert [time.duration_of(limiter.acquire) for _ in range(3)] == pytest.approx([1 / 7] * 3)


def test_a_late_throttling_error_reduces_the_rate_at_which_the_calls_were_made(
    limiter: AdaptiveRateLimiter, time: VirtualTime
) -> None:
    slots = [limiter.acquire() for _ in range(10)]
    time.now += 2  # as long as a small function needs to open ten connections at once
    limiter.on_throttle(slots[0])
    limiter.acquire()
    assert time.duration_of(limiter.acquire) == pytest.approx(1 / 7)


def test_concurrent_throttled_calls_reduce_the_rate_once(limiter: AdaptiveRateLimiter, time: VirtualTime) -> None:
    slots = [limiter.acquire() for _ in range(10)]
    time.now += 0.1
    for slot in slots:
        limiter.on_throttle(slot)
    limiter.acquire()
    assert time.duration_of(limiter.acquire) == pytest.approx(1 / 7)


def test_each_later_throttled_call_reduces_the_rate_further_but_ten_calls_take_at_most_20_seconds(
    limiter: AdaptiveRateLimiter, time: VirtualTime
) -> None:
    limiter.on_throttle(limiter.acquire())
    for _ in range(10):
        limiter.on_throttle(limiter.acquire())
    assert sum(time.duration_of(limiter.acquire) for _ in range(10)) == pytest.approx(10 / MIN_RATE) == 20


def test_the_rate_increases_faster_the_longer_no_call_was_throttled(
    limiter: AdaptiveRateLimiter, time: VirtualTime
) -> None:
    limiter.on_throttle([limiter.acquire() for _ in range(10)][-1])
    delays = []
    for _ in range(300):
        delays.append(time.duration_of(limiter.acquire))
        limiter.on_success()
    assert delays == sorted(delays, reverse=True)
    assert delays[10] / delays[0] > delays[210] / delays[200]


def test_calls_are_unlimited_again_one_minute_after_the_last_throttled_call(
    limiter: AdaptiveRateLimiter, time: VirtualTime
) -> None:
    limiter.on_throttle(limiter.acquire())
    time.now += RESET_AFTER_SECONDS - 1
    limiter.on_throttle(limiter.acquire())
    time.now += RESET_AFTER_SECONDS - 5
    limiter.acquire()
    assert time.duration_of(limiter.acquire) > 0
    time.now += 5
    assert [time.duration_of(limiter.acquire) for _ in range(10)] == [0] * 10


@pytest.mark.parametrize(("limit", "max_throttled"), [(20, 0.12), (50, 0.06), (500, 0.02)])
def test_ten_independent_limiters_use_the_whole_limit_and_few_calls_are_throttled(
    limit: int, max_throttled: float
) -> None:
    succeeded, throttled = simulate_overload(limit, seconds=60)
    assert succeeded / (limit * 61) > 0.98  # the bucket is full at first
    assert throttled / succeeded < max_throttled


def simulate_overload(limit: int, seconds: float) -> tuple[int, int]:
    """Return the number of calls that succeeded and of those that were throttled.

    Ten clients call as often as their limiters allow. The service is a token bucket that holds one second's tokens.
    """
    now = 0.0
    limiters = [AdaptiveRateLimiter(lambda: now, lambda _: None) for _ in range(10)]
    slots = [(limiter.acquire(), at) for at, limiter in enumerate(limiters)]
    succeeded, throttled, tokens = 0, 0, float(limit)
    while slots[0][0] < seconds:
        slot, at = slots[0]
        now, tokens = slot, min(limit, tokens + (slot - now) * limit)
        if tokens >= 1:
            succeeded, tokens = succeeded + 1, tokens - 1
            limiters[at].on_success()
        else:
            throttled += 1
            limiters[at].on_throttle(slot)
        heapq.heapreplace(slots, (limiters[at].acquire(), at))
    return succeeded, throttled
