"""The clock, and the remaining time of a Lambda invocation."""

from tests.model_checking.calls import operation
from tests.model_checking.faults import Fault
from tests.model_checking.system_state import SystemState

ENOUGH_TIME, LOW_TIME = 1000.0, 0.5  # seconds


@operation("reads the clock", is_immediate=True)
def read_clock(system: SystemState) -> tuple[SystemState, float]:
    return system, system.now


@operation("reads its remaining time", (Fault.OUT_OF_TIME,), is_immediate=True)
def time_left(system: SystemState) -> tuple[SystemState, float]:
    return system, ENOUGH_TIME
