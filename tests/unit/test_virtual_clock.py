from functools import partial

import pytest

from benchmarks.virtual_clock import VirtualClock


class ProcessError(Exception):
    pass


def fail() -> None:
    raise ProcessError


def test_an_exception_in_a_process_ends_the_simulation() -> None:
    clock = VirtualClock()
    clock.start(lambda: clock.sleep(10))
    clock.start(fail, at=5)
    with pytest.raises(ProcessError):
        clock.run()
    assert clock.now == 5


def test_processes_run_in_the_order_of_their_wake_up_times() -> None:
    clock, seen = VirtualClock(), list[float]()

    def wake_up_after(seconds: float) -> None:
        clock.sleep(seconds)
        seen.append(clock.now)

    for seconds in (3, 1, 2):
        clock.start(partial(wake_up_after, seconds))
    clock.run()
    assert seen == [1, 2, 3]
