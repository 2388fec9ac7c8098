"""A call to a collaborator, held back until the explorer lets it happen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.model_checking.faults import Fault
from tests.model_checking.world import World

# Stands in arguments for the name of the actor that calls, so that actors in the same place look the same.
OWNER = "this delivery"


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One request to AWS: what it does to the world, how a trace tells it, and the faults it may meet."""

    effect: Callable[..., tuple[World, Any]]
    words: str
    faults: tuple[Fault, ...]
    is_immediate: bool = False
    is_unseen: bool = False

    def __call__(self, *arguments: Any) -> "Call":
        return Call(self, arguments)


@dataclass(frozen=True, slots=True)
class Call:
    operation: Operation
    arguments: tuple[Any, ...]

    def happen(self, world: World, actor: str) -> tuple[World, Any]:
        """The world after the call, and the call's answer."""
        arguments = (actor if argument == OWNER else argument for argument in self.arguments)
        return self.operation.effect(world, *arguments)

    def __str__(self) -> str:
        return self.operation.words.format(*map(_short, self.arguments))


type Caller = Callable[[Call], Any]


def operation(
    words: str, faults: tuple[Fault, ...] = (), *, is_immediate: bool = False, is_unseen: bool = False
) -> Callable[[Callable[..., tuple[World, Any]]], Operation]:
    """Makes an operation of a function from the world to the world and an answer.

    An immediate one only looks at the clock: it happens with what the code did before, unless a fault may strike it.
    An bytes_missing one changes nothing that another actor could see, and nothing changes its answer but the clock.
    """
    return lambda effect: Operation(effect, words, faults, is_immediate, is_unseen)


def _short(argument: Any) -> str:
    text = str(argument)
    return text.removeprefix("images/")[0].upper() if len(text.removeprefix("images/")) >= 64 else text
