"""Time that passes only when everybody waits, and what becomes of plans that fit and of those that do not."""

from dataclasses import replace
from functools import partial

import pytest

from benchmarks.at_scale import Limit, Plan, outlook
from benchmarks.timeline import Timeline

FITS = Plan("fits", rate=50, seconds=4, rekognition=80, concurrency=8)


def test_sleepers_awake_in_the_order_of_their_times() -> None:
    timeline, seen = Timeline(), []

    def process(name: str, seconds: float) -> None:
        timeline.sleep(seconds)
        seen.append((name, timeline.now))

    for name, seconds in (("late", 3600.0), ("early", 1.0), ("between", 2.0)):
        timeline.start(partial(process, name, seconds))
    timeline.run()
    assert seen == [("early", 1.0), ("between", 2.0), ("late", 3600.0)]


def test_what_runs_side_by_side_takes_as_long_as_the_longest() -> None:
    timeline, ended = Timeline(), []

    def process() -> None:
        timeline.all_of([partial(timeline.sleep, seconds) for seconds in (1.0, 5.0, 3.0)])
        ended.append(timeline.now)

    timeline.start(process, at=10.0)
    timeline.run()
    assert ended == [15.0]


def test_a_limit_refills_and_each_part_has_its_own() -> None:
    limit = Limit(rate=2, parts=2)
    limit.take("0", now=0, units=2)
    assert (limit.has("0", now=0), limit.has("1", now=0), limit.has("0", now=0.5)) == (0, 2, 1)


def test_a_plan_within_its_limits_answers_everything_soon_and_asks_once() -> None:
    seen = outlook(FITS)
    assert (seen.answered, seen.refused, seen.throttled, seen.dead, seen.calls) == (1, 0, 0, 0, 1)
    assert seen.slowest_percent < 2


def test_too_few_of_rekognitions_calls_make_images_wait_and_lose_none() -> None:
    seen = outlook(replace(FITS, rekognition=25))
    assert (seen.answered, seen.refused, seen.dead) == (1, 0, 0)
    assert seen.slowest_percent > 2
    assert seen.calls > 1


def test_too_few_partitions_refuse_posts_and_lose_none_that_was_taken() -> None:
    seen = outlook(replace(FITS, rate=10_000, seconds=2, rekognition=15_000, concurrency=1000, share=0.02))
    assert seen.refused > 0.1
    assert seen.answered + seen.refused + seen.waiting == pytest.approx(1)
    assert seen.dead == 0


def test_the_same_plan_comes_to_the_same_twice() -> None:
    assert outlook(FITS) == outlook(FITS)
