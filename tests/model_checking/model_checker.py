"""The explicit-state model checker. Its search is breadth first, so that the first violation has a shortest trace."""

import gc
import time
from contextlib import suppress
from dataclasses import dataclass, field

from tests.model_checking.actors import outcomes_seen
from tests.model_checking.invariants import InvariantViolation, check
from tests.model_checking.liveness import LivenessChecker
from tests.model_checking.state import Scenario, State, initial_state
from tests.model_checking.transitions import Transition, enabled_transitions, format_trace


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one run. ``violation`` is a violation with its trace, or None if every invariant held.

    ``outcomes`` and ``faults`` are the outcomes of scans and the faults that occurred. They show what was covered.
    """

    scenario: str
    states: int
    transitions: int
    depth: int
    seconds: float
    is_complete: bool
    outcomes: frozenset[str]
    faults: frozenset[str]
    violation: str | None

    def __str__(self) -> str:
        end = "" if self.is_complete else ", incomplete"
        return (
            f"{self.scenario}: {self.states:,} states, {self.states / self.seconds:,.0f} states/s, depth {self.depth}, "
            f"{self.transitions:,} transitions in {self.seconds:.1f} s{end}"
        )


def check_model(scenario: Scenario, max_seconds: float = 900.0) -> Report:
    """Check every reachable state of the scenario until one violates an invariant or ``max_seconds`` have passed."""
    outcomes_seen.clear()
    search, started = _Search(scenario), time.perf_counter()
    gc.disable()  # there are no reference cycles, and looking for them takes a third of the time
    try:
        violation = search.run(until=started + max_seconds)
    finally:
        gc.enable()
    return Report(
        scenario.name,
        len(search.predecessors),
        search.transitions,
        search.depth,
        time.perf_counter() - started,
        not search.frontier,
        frozenset(outcomes_seen),
        frozenset(search.faults),
        violation,
    )


@dataclass(slots=True)
class _Search:
    """``predecessors`` maps the key of a state to its predecessor and the index of the transition between them."""

    scenario: Scenario
    predecessors: dict[int, tuple[int, int]] = field(default_factory=dict)
    frontier: list[tuple[int, State]] = field(default_factory=list)
    liveness: LivenessChecker = field(default_factory=LivenessChecker)
    faults: set[str] = field(default_factory=set)
    transitions: int = 0
    depth: int = 0

    def run(self, until: float) -> str | None:
        start = initial_state(self.scenario)
        self.predecessors[start.key()] = 0, 0
        self.frontier = [(start.key(), start)]
        while self.frontier:
            next_frontier: list[tuple[int, State]] = []
            for key, state in self.frontier:
                violation = self._expand(key, state, next_frontier)
                if violation or time.perf_counter() > until:
                    return violation
            self.frontier, self.depth = next_frontier, self.depth + bool(next_frontier)
        return None

    def _expand(self, key: int, state: State, next_frontier: list[tuple[int, State]]) -> str | None:
        for number, transition in enumerate(enabled_transitions(state)):
            self.transitions += 1
            try:
                after = transition.apply()
                check(state, after)
                after_key = after.key()
                if after_key not in self.predecessors:
                    self.predecessors[after_key] = key, number
                    next_frontier.append((after_key, after))
                    self._note_faults(state, after)
                    self.liveness.check(after_key, after)
            except InvariantViolation as error:
                return self._trace([*self._path_to(key), number], error)
        return None

    def _note_faults(self, before: State, after: State) -> None:
        if after.faults_remaining is not before.faults_remaining:
            self.faults.update(
                str(fault) for fault, count in before.faults_remaining.items() if after.faults_remaining[fault] < count
            )

    def _path_to(self, key: int) -> list[int]:
        path: list[int] = []
        start = initial_state(self.scenario).key()
        while key != start:
            key, number = self.predecessors[key]
            path.insert(0, number)
        return path

    def _trace(self, path: list[int], error: InvariantViolation) -> str:
        state, transitions = initial_state(self.scenario), list[Transition]()
        for number in path:
            transitions.append(enabled_transitions(state)[number])
            with suppress(InvariantViolation):
                state = transitions[-1].apply()
        return "\n".join(
            [f"{self.scenario.name}: {error}", format_trace(transitions), *getattr(error, "__notes__", [])]
        )
