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
        asked = tuple(row for row in rows if not wanted or row in wanted)
        if asked:
            yield from _measured(name, asked)


def _measured(name: str, asked: tuple[int, ...]) -> Iterator[Figure | Unmeasured]:
    missing = set(asked)
    try:
        measure: Measure = importlib.import_module(name).measure
        for figure in measure():
            missing.discard(figure.row)
            if figure.row in asked:
                yield figure
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told and the other rows are measured
        traceback.print_exc()
        yield Unmeasured(asked, f"{type(error).__name__}: {error}")
    else:
        if missing:
            yield Unmeasured(tuple(sorted(missing)), "no figure came of it")
