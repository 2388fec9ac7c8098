"""The daily quota in memory, like ``imagescan.aws.daily_quota``: the SDK does not retry its writes."""

from imagescan.domain.feature import Feature
from tests.model_checking.calls import Caller, operation
from tests.model_checking.faults import WRITE_ONCE
from tests.model_checking.system_state import SystemState, day_of


class DailyQuota:
    def __init__(self, call: Caller, limit: int, counter: str = "") -> None:
        self._call = call
        self.limit = limit
        self._counter = counter

    def try_acquire(self, now: float, _feature: Feature | None = None) -> bool:
        is_granted: bool = self._call(_try_acquire(self._counter + day_of(now), self.limit))
        return is_granted

    def refund(self, now: float, _feature: Feature | None = None) -> None:
        self._call(_refund(self._counter + day_of(now)))


@operation("acquires a use from the daily quota", WRITE_ONCE)
def _try_acquire(system: SystemState, key: str, limit: int) -> tuple[SystemState, bool]:
    if system.quota_used.get(key, 0) >= limit:
        return system, False
    return _counted(system, key, 1), True


@operation("refunds a use to the daily quota", WRITE_ONCE)
def _refund(system: SystemState, key: str) -> tuple[SystemState, None]:
    return _counted(system, key, -1), None


def _counted(system: SystemState, key: str, change: int) -> SystemState:
    return system._replace(quota_used=system.quota_used.with_item(key, system.quota_used.get(key, 0) + change))
