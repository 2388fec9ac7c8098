"""The sweeper requeues every deferred image in time, and other owners do not wait for one with many images."""

from benchmarks.sweep_simulation import Scenario, simulate


def test_200000_images_deferred_to_the_next_day_are_scanned_before_the_default_deadline() -> None:
    result = simulate(Scenario("200,000 deferred images", 200_000))
    assert (result.completed, result.timed_out) == (200_000, 0)


def test_an_owner_with_60000_images_does_not_delay_others_by_more_than_two_runs() -> None:
    scenario = Scenario("60,000 images of one owner", 60_000, owners=21)
    result = simulate(scenario)
    assert result.timed_out == 0
    assert result.last_other_owner < 3 * scenario.interval_seconds
