"""Calls to collaborators. A call executes when the model checker schedules it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.model_checking.faults import Fault
from tests.model_checking.system_state import SystemState

# Replaces the name of the calling actor in arguments, so that actors at the same checkpoint have equal calls. It is
# followed by the thread.
OWNER = "this delivery"


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A kind of call to AWS: its effect on the system, its description in a trace, and its possible faults."""

    effect: Callable[..., tuple[SystemState, Any]]
    description: str
    faults: tuple[Fault, ...]
    is_immediate: bool = False
    is_unobservable: bool = False

    def __call__(self, *arguments: Any) -> "Call":
        return Call(self, arguments)


@dataclass(frozen=True, slots=True)
class Call:
    operation: Operation
    arguments: tuple[Any, ...]

    def execute(self, system: SystemState, actor_name: str) -> tuple[SystemState, Any]:
        """Return the system after the call, and the result of the call."""
        arguments = (_with_name(argument, actor_name) for argument in self.arguments)
        return self.operation.effect(system, *arguments)

    def __str__(self) -> str:
        return self.operation.description.format(*map(_short, self.arguments))


type Caller = Callable[[Call], Any]


def operation(
    description: str, faults: tuple[Fault, ...] = (), *, is_immediate: bool = False, is_unobservable: bool = False
) -> Callable[[Callable[..., tuple[SystemState, Any]]], Operation]:
    """Create an operation from a function that maps the system to the next system and a result.

    An immediate operation depends on the clock only. It executes together with the preceding code, unless a fault can
    be injected. An unobservable operation changes nothing that another actor can observe, and its result depends on
    nothing but the clock.
    """
    return lambda effect: Operation(effect, description, faults, is_immediate, is_unobservable)


def _with_name(argument: Any, actor_name: str) -> Any:
    is_owner = isinstance(argument, str) and argument.startswith(OWNER)
    return argument.replace(OWNER, actor_name) if is_owner else argument


def _short(argument: Any) -> str:
    text = str(argument)
    return text.removeprefix("images/")[0].upper() if len(text.removeprefix("images/")) >= 64 else text
