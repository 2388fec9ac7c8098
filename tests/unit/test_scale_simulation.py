"""The virtual clock, and the simulation of loads within and above the limits."""

from dataclasses import replace
from functools import partial

import pytest

from benchmarks.scale_simulation import Scenario, TokenBuckets, simulate
from benchmarks.virtual_clock import VirtualClock

WITHIN_LIMITS = Scenario("within limits", rate=50, seconds=4, rekognition=80, concurrency=8)


def test_processes_wake_in_the_order_of_their_times() -> None:
    clock, seen = VirtualClock(), []

    def process(name: str, seconds: float) -> None:
        clock.sleep(seconds)
        seen.append((name, clock.now))

    for name, seconds in (("late", 3600.0), ("early", 1.0), ("between", 2.0)):
        clock.start(partial(process, name, seconds))
    clock.run()
    assert seen == [("early", 1.0), ("between", 2.0), ("late", 3600.0)]


def test_concurrent_processes_take_as_long_as_the_longest() -> None:
    clock, ended = VirtualClock(), []

    def process() -> None:
        clock.all_of([partial(clock.sleep, seconds) for seconds in (1.0, 5.0, 3.0)])
        ended.append(clock.now)

    clock.start(process, at=10.0)
    clock.run()
    assert ended == [15.0]


def test_each_partition_has_a_token_bucket_that_refills() -> None:
    limit = TokenBuckets(rate=2, partitions=2)
    limit.take("0", now=0, units=2)
    assert (limit.available("0", now=0), limit.available("1", now=0), limit.available("0", now=0.5)) == (0, 2, 1)


def test_a_load_within_the_limits_is_answered_fast_with_one_call_per_image() -> None:
    result = simulate(WITHIN_LIMITS)
    assert (result.answered, result.rejected, result.throttled, result.dead_letters, result.calls) == (1, 0, 0, 0, 1)
    assert result.percentile_99 < 2


def test_a_low_rekognition_limit_delays_images_and_loses_none() -> None:
    result = simulate(replace(WITHIN_LIMITS, rekognition=25))
    assert (result.answered, result.rejected, result.dead_letters) == (1, 0, 0)
    assert result.percentile_99 > 2
    assert result.calls > 1


def test_too_few_partitions_reject_posts_and_lose_no_accepted_request() -> None:
    result = simulate(replace(WITHIN_LIMITS, rate=10_000, seconds=2, rekognition=15_000, concurrency=1000, share=0.02))
    assert result.rejected > 0.1
    assert result.answered + result.rejected + result.pending == pytest.approx(1)
    assert result.dead_letters == 0


def test_a_simulation_is_reproducible() -> None:
    assert simulate(WITHIN_LIMITS) == simulate(WITHIN_LIMITS)
