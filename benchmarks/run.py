"""Run the benchmarks. A benchmark that fails does not stop the others."""

import importlib
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks.measurement import Measurement

type Measure = Callable[[], Iterable[Measurement]]


@dataclass(frozen=True, slots=True)
class FailedBenchmark:
    """A benchmark that raised an error or yielded no measurement."""

    benchmark: str
    reason: str


def run(modules: Mapping[str, tuple[str, ...]], selected: Collection[str]) -> Iterator[Measurement | FailedBenchmark]:
    """Yield the measurements of the selected benchmarks (all if none is selected) and the benchmarks that failed.

    ``modules`` maps each module to the names of its benchmarks.
    """
    for module, benchmarks in modules.items():
        names = tuple(name for name in benchmarks if not selected or name in selected)
        if names:
            yield from _measured(module, names)


def _measured(module: str, names: tuple[str, ...]) -> Iterator[Measurement | FailedBenchmark]:
    missing = dict.fromkeys(names)
    try:
        measure: Measure = importlib.import_module(module).measure
        for measurement in measure():
            missing.pop(measurement.benchmark, None)
            if measurement.benchmark in names:
                yield measurement
    except Exception as error:  # noqa: BLE001 - the report contains every error, and the other benchmarks still run
        traceback.print_exc()
        yield from (FailedBenchmark(name, f"{type(error).__name__}: {error}") for name in names)
    else:
        yield from (FailedBenchmark(name, "no measurement") for name in missing)
