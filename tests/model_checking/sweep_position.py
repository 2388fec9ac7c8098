"""The position at which the next sweep starts, in memory."""

from tests.model_checking.calls import Caller, operation
from tests.model_checking.faults import READ, WRITE
from tests.model_checking.system_state import SystemState


class SweepPosition:
    def __init__(self, call: Caller) -> None:
        self._call = call

    def load(self) -> str | None:
        position: str | None = self._call(_load())
        return position

    def save(self, start: str | None) -> None:
        self._call(_save(start))


@operation("reads the position of the sweep", READ)
def _load(system: SystemState) -> tuple[SystemState, str | None]:
    return system, system.sweep_position


@operation("stores the position of the sweep", WRITE)
def _save(system: SystemState, start: str | None) -> tuple[SystemState, None]:
    return system._replace(sweep_position=start), None
