"""What a run says: a table for people and JSON for programs."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from benchmarks.figure import Figure
from benchmarks.run import Unmeasured


def table(figures: Sequence[Figure], unmeasured: Sequence[Unmeasured]) -> Table:
    """One line a figure."""
    lines = Table("#", "metric", "value", "floor", "ratio", "target", "verdict", box=None, padding=(0, 1))
    for each in figures:
        lines.add_row(str(each.row), each.metric, *_numbers(each), _verdict(each))
    for gap in unmeasured:
        numbers = ", ".join(map(str, gap.rows))
        lines.add_row(numbers, f"could not be measured: {gap.reason}", "", "", "", "", "[red]missed[/]")
    return lines


def as_json(figures: Sequence[Figure], unmeasured: Sequence[Unmeasured], about: dict[str, str]) -> dict[str, Any]:
    """The same, with ``about`` saying when and on what it was measured."""
    told = [asdict(each) | {"ratio": each.ratio, "met": each.met, "used": each.used} for each in figures]
    return {**about, "figures": told, "unmeasured": [asdict(gap) for gap in unmeasured]}


def _numbers(figure: Figure) -> tuple[str, str, str, str]:
    floor = "-" if figure.floor is None else _number(figure.floor)
    sign = "= " if figure.exact else ">= " if figure.at_least else "<= "
    return (f"{_number(figure.value)} {figure.unit}".strip(), floor, f"{figure.ratio:.3f}", f"{sign}{figure.target:g}")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:,.3f}"  # noqa: PLR2004 - four digits


def _verdict(figure: Figure) -> str:
    return "[green]met[/]" if figure.met else "[red]missed[/]"
