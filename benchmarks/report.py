"""Report the results of a run: as a table for people and as JSON for programs."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from benchmarks.measurement import Measurement
from benchmarks.run import FailedBenchmark

_TEXT_COLUMNS = ("benchmark", "metric")
_NUMBER_COLUMNS = ("measured", "baseline", "ratio", "target")


def table(measurements: Sequence[Measurement], failed: Sequence[FailedBenchmark]) -> Table:
    """Return a table with one line per measurement. The name of a benchmark is on its first line only."""
    lines = Table(box=None, padding=(0, 1), header_style="bold")
    for title in _TEXT_COLUMNS:
        lines.add_column(title, no_wrap=title == "benchmark")
    for title in _NUMBER_COLUMNS:
        lines.add_column(title, justify="right", no_wrap=True)
    lines.add_column("result")
    for name, measurement in zip(_without_repeats(measurements), measurements, strict=True):
        lines.add_row(name, measurement.metric, *_numbers(measurement), _result(measurement))
    for each in failed:
        lines.add_row(each.benchmark, each.reason, *["-"] * len(_NUMBER_COLUMNS), "[red]error[/]")
    return lines


def summary(measurements: Sequence[Measurement], failed: Sequence[FailedBenchmark]) -> str:
    """Return one line with the number of targets met and missed, and of benchmarks that failed."""
    met = sum(each.passed for each in measurements)
    return (
        f"{met} of {len(measurements)} targets met, {len(measurements) - met} missed, {len(failed)} benchmarks failed."
    )


def as_json(
    measurements: Sequence[Measurement], failed: Sequence[FailedBenchmark], about: dict[str, str]
) -> dict[str, Any]:
    """Return the results for programs. ``about`` describes the time, the commit and the machine."""
    results = [
        asdict(each) | {"ratio": each.ratio, "passed": each.passed, "target_utilisation": each.target_utilisation}
        for each in measurements
    ]
    return {**about, "measurements": results, "failed": [asdict(each) for each in failed]}


def _without_repeats(measurements: Sequence[Measurement]) -> Iterable[str]:
    previous = None
    for each in measurements:
        yield "" if each.benchmark == previous else each.benchmark
        previous = each.benchmark


def _numbers(measurement: Measurement) -> tuple[str, str, str, str]:
    has_baseline = measurement.baseline is not None
    sign = "=" if measurement.exact else "≥" if measurement.at_least else "≤"
    return (
        f"{_number(measurement.value)} {measurement.unit}".strip(),
        _number(measurement.baseline) if measurement.baseline is not None else "-",
        f"{measurement.ratio:.3f}" if has_baseline else "-",
        f"{sign} {measurement.target:,g}",
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:,.3f}"  # noqa: PLR2004 - four digits


def _result(measurement: Measurement) -> str:
    return "[green]met[/]" if measurement.passed else "[red]missed[/]"
