"""Runs the measurements. One that fails hides no other's figures."""

import importlib
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks.figure import Figure

type Measure = Callable[[], Iterable[Figure]]


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """The rows of a module that failed, and why."""

    rows: tuple[int, ...]
    reason: str


def run(modules: Mapping[str, tuple[int, ...]], wanted: Collection[int]) -> Iterator[Figure | Unmeasured]:
    """The figures of the wanted rows, module by module, and what could not be measured."""
    for name, rows in modules.items():
        if not wanted or set(rows) & set(wanted):
            measured = _measured(name, rows)
            yield from (each for each in measured if isinstance(each, Unmeasured) or not wanted or each.row in wanted)


def _measured(name: str, rows: tuple[int, ...]) -> Iterator[Figure | Unmeasured]:
    try:
        measure: Measure = importlib.import_module(name).measure
        yield from measure()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told and the other rows are measured
        traceback.print_exc()
        yield Unmeasured(rows, f"{type(error).__name__}: {error}")
