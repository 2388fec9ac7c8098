"""The daily quota in memory, like ``imagescan.aws.daily_quota``: the SDK does not retry its writes."""

from tests.model_checking.calls import Caller, operation
from tests.model_checking.faults import WRITE_ONCE
from tests.model_checking.system_state import SystemState, day_of


class DailyQuota:
    def __init__(self, call: Caller, limit: int) -> None:
        self._call = call
        self._limit = limit

    def try_acquire(self, now: float) -> bool:
        is_granted: bool = self._call(_try_acquire(now, self._limit))
        return is_granted

    def refund(self, now: float) -> None:
        self._call(_refund(now))


@operation("acquires a call from the daily quota", WRITE_ONCE)
def _try_acquire(system: SystemState, now: float, limit: int) -> tuple[SystemState, bool]:
    if system.quota_used.get(day_of(now), 0) >= limit:
        return system, False
    return _counted(system, now, 1), True


@operation("refunds a call to the daily quota", WRITE_ONCE)
def _refund(system: SystemState, now: float) -> tuple[SystemState, None]:
    return _counted(system, now, -1), None


def _counted(system: SystemState, now: float, change: int) -> SystemState:
    day = day_of(now)
    return system._replace(quota_used=system.quota_used.with_item(day, system.quota_used.get(day, 0) + change))
