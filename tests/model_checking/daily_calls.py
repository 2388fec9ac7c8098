"""The day's budget in memory, as ``imagescan.aws.daily_calls`` keeps it: the SDK never sends its writes again."""

from tests.model_checking.calls import Caller, operation
from tests.model_checking.faults import WRITE_ONCE
from tests.model_checking.world import World, day_of


class DailyCalls:
    def __init__(self, call: Caller, most: int) -> None:
        self._call = call
        self._most = most

    def take(self, now: float) -> bool:
        is_taken: bool = self._call(_take(now, self._most))
        return is_taken

    def give_back(self, now: float) -> None:
        self._call(_give_back(now))


@operation("takes a call from the day's budget", WRITE_ONCE)
def _take(world: World, now: float, most: int) -> tuple[World, bool]:
    if world.calls.get(day_of(now), 0) >= most:
        return world, False
    return _counted(world, now, 1), True


@operation("gives a call back to the day's budget", WRITE_ONCE)
def _give_back(world: World, now: float) -> tuple[World, None]:
    return _counted(world, now, -1), None


def _counted(world: World, now: float, more: int) -> World:
    day = day_of(now)
    return world._replace(calls=world.calls.having(day, world.calls.get(day, 0) + more))
