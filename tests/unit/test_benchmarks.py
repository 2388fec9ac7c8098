"""What `make bench` makes of its figures."""

import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from benchmarks import history, report
from benchmarks.figure import Figure
from benchmarks.run import Unmeasured, run


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        (Figure(1, "at most, by a floor", 23.0, 20.0, 1.15), True),
        (Figure(1, "above it", 23.1, 20.0, 1.15), False),
        (Figure(3, "at most, without a floor", 6.0, None, 6.0), True),
        (Figure(8, "at least", 0.95, None, 0.95, at_least=True), True),
        (Figure(8, "below it", 0.94, None, 0.95, at_least=True), False),
        (Figure(8, "nothing at all", 0.0, None, 0.95, at_least=True), False),
        (Figure(4, "exactly", 3.0, None, 3.0, exact=True), True),
        (Figure(4, "fewer", 2.0, None, 3.0, exact=True), False),
    ],
)
def test_a_figure_is_met_when_it_uses_no_more_than_its_target(figure: Figure, met: bool) -> None:
    assert figure.met is met
    assert (figure.used <= 1) is met


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, ...]]:
    def sound() -> Iterator[Figure]:
        yield Figure(1, "first", 1.0, None, 1.0)
        yield Figure(2, "second", 1.0, None, 1.0)

    def broken() -> Iterator[Figure]:
        yield Figure(3, "third", 1.0, None, 1.0)
        raise OSError("nothing there")

    for name, measure in (("sound", sound), ("broken", broken)):
        module = ModuleType(name)
        vars(module)["measure"] = measure
        monkeypatch.setitem(sys.modules, name, module)
    return {"broken": (3, 4), "sound": (1, 2)}


def test_a_measurement_that_fails_hides_no_other(modules: dict[str, tuple[int, ...]]) -> None:
    told = list(run(modules, set()))
    assert [each.row for each in told if isinstance(each, Figure)] == [3, 1, 2]
    assert [each for each in told if isinstance(each, Unmeasured)] == [Unmeasured((3, 4), "OSError: nothing there")]


def test_a_row_of_which_no_figure_comes_is_not_passed_over(modules: dict[str, tuple[int, ...]]) -> None:
    sound = {"sound": (*modules["sound"], 5)}
    assert [each for each in run(sound, set()) if isinstance(each, Unmeasured)] == [
        Unmeasured((5,), "no figure came of it")
    ]
    assert not [each for each in run(sound, {1}) if isinstance(each, Unmeasured)]


def test_a_row_that_the_last_run_has_not_is_drawn_as_missed() -> None:
    first = report.as_json([Figure(1, "first", 1.0, None, 1.0)], [], {})
    assert "none</text>" in history.drawing([first, report.as_json([], [], {})])


def test_only_the_rows_that_are_asked_for_are_told(modules: dict[str, tuple[int, ...]]) -> None:
    assert [each.row for each in run(modules, {2}) if isinstance(each, Figure)] == [2]


def test_the_table_tells_what_could_not_be_measured() -> None:
    console = Console(width=150, file=StringIO())
    with console.capture() as captured:
        console.print(report.table([Figure(1, "first", 2.0, 1.0, 1.5)], [Unmeasured((3, 4), "nothing there")]))
    told = captured.get()
    assert "first" in told
    assert "could not be measured: nothing there" in told
    assert told.count("missed") == 2


def test_kept_runs_are_read_back_and_drawn_with_a_panel_for_each_row(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    figures = [
        Figure(1, "first < & >", 1.0, None, 2.0),
        Figure(1, "worst", 3.0, None, 2.0),
        Figure(2, "x", 1.0, None, 2),
    ]
    told = report.as_json(figures, [], {"at": "2026-11-22T10:00:00+00:00"})
    for _ in range(2):
        history.keep(told, path)
    assert history.kept(path) == [told, told]
    image = ET.fromstring(history.drawing(history.kept(path)))  # noqa: S314 - our own
    texts = [each.text or "" for each in image.iter() if each.tag.endswith("text")]
    assert "1  worst" in texts
    assert "150%" in texts
    assert sum(each.tag.endswith("polyline") for each in image.iter()) == 2
