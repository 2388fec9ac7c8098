"""A system for comparisons of the in-memory collaborators with the real adapters."""

from typing import Any

from tests.model_checking.calls import Call
from tests.model_checking.system_state import SystemState


class SequentialSystem:
    """A system that executes every call immediately."""

    def __init__(self, **attributes: Any) -> None:
        self.system = SystemState(now=0.0)._replace(**attributes)

    def call(self, call: Call) -> Any:
        self.system, answer = call.execute(self.system, "test")
        return answer
