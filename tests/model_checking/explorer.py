"""Visits every state that a scenario can reach, the nearest first, so that the first violation has a shortest trace."""

import gc
import time
from contextlib import suppress
from dataclasses import dataclass, field

from tests.model_checking.fair_end import FairEnd
from tests.model_checking.invariants import Violated, check
from tests.model_checking.moves import Move, moves, numbered
from tests.model_checking.programs import results_seen
from tests.model_checking.state import Scenario, State, first_state


@dataclass(frozen=True, slots=True)
class Report:
    """What an exploration saw; ``violation`` is its trace in words, None when every invariant held.

    ``results`` and ``faults`` are what became of images and what struck, so that it shows when nothing did.
    """

    scenario: str
    states: int
    steps: int
    depth: int
    seconds: float
    is_complete: bool
    results: frozenset[str]
    faults: frozenset[str]
    violation: str | None

    def __str__(self) -> str:
        end = "" if self.is_complete else ", stopped before the end"
        return (
            f"{self.scenario}: {self.states:,} states, {self.states / self.seconds:,.0f} states/s, depth {self.depth}, "
            f"{self.steps:,} steps in {self.seconds:.1f} s{end}"
        )


def explore(scenario: Scenario, max_seconds: float = 900.0) -> Report:
    """Every state of the scenario, until one violates an invariant or the time is over."""
    results_seen.clear()
    search, started = _Search(scenario), time.perf_counter()
    gc.disable()  # nothing here refers to itself, and looking for that takes a third of the time
    try:
        violation = search.run(until=started + max_seconds)
    finally:
        gc.enable()
    return Report(
        scenario.name,
        len(search.came_from),
        search.steps,
        search.depth,
        time.perf_counter() - started,
        not search.level,
        frozenset(results_seen),
        frozenset(search.faults),
        violation,
    )


@dataclass(slots=True)
class _Search:
    """``came_from`` knows, by key, the state before and which of its moves led on; ``level`` is what to expand next."""

    scenario: Scenario
    came_from: dict[int, tuple[int, int]] = field(default_factory=dict)
    level: list[tuple[int, State]] = field(default_factory=list)
    fair_end: FairEnd = field(default_factory=FairEnd)
    faults: set[str] = field(default_factory=set)
    steps: int = 0
    depth: int = 0

    def run(self, until: float) -> str | None:
        start = first_state(self.scenario)
        self.came_from[start.key()] = 0, 0
        self.level = [(start.key(), start)]
        while self.level:
            following: list[tuple[int, State]] = []
            for key, state in self.level:
                violation = self._expand(key, state, following)
                if violation or time.perf_counter() > until:
                    return violation
            self.level, self.depth = following, self.depth + bool(following)
        return None

    def _expand(self, key: int, state: State, following: list[tuple[int, State]]) -> str | None:
        for number, move in enumerate(moves(state)):
            self.steps += 1
            try:
                after = move.apply()
                check(state, after)
                after_key = after.key()
                if after_key not in self.came_from:
                    self.came_from[after_key] = key, number
                    following.append((after_key, after))
                    self._note_faults(state, after)
                    self.fair_end.check(after_key, after)
            except Violated as violated:
                return self._trace([*self._path_to(key), number], violated)
        return None

    def _note_faults(self, before: State, after: State) -> None:
        if after.left is not before.left:
            self.faults.update(str(fault) for fault, left in before.left.items() if after.left[fault] < left)

    def _path_to(self, key: int) -> list[int]:
        path: list[int] = []
        start = first_state(self.scenario).key()
        while key != start:
            key, number = self.came_from[key]
            path.insert(0, number)
        return path

    def _trace(self, path: list[int], violated: Violated) -> str:
        state, steps = first_state(self.scenario), list[Move]()
        for number in path:
            steps.append(moves(state)[number])
            with suppress(Violated):
                state = steps[-1].apply()
        return "\n".join([f"{self.scenario.name}: {violated}", numbered(steps), *getattr(violated, "__notes__", [])])
