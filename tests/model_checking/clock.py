"""The clock, and the time that Lambda leaves a function."""

from tests.model_checking.calls import operation
from tests.model_checking.faults import Fault
from tests.model_checking.world import World

PLENTY, LITTLE = 1000.0, 0.5  # seconds


@operation("reads the clock", is_immediate=True)
def read_clock(world: World) -> tuple[World, float]:
    return world, world.now


@operation("asks how much time it has", (Fault.OUT_OF_TIME,), is_immediate=True)
def time_left(world: World) -> tuple[World, float]:
    return world, PLENTY
