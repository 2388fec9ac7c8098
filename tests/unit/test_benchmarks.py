"""Running the benchmarks and reporting their results."""

import json
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from types import ModuleType

import pytest
from rich.console import Console

from benchmarks import __main__ as program
from benchmarks import report
from benchmarks.measurement import Measurement
from benchmarks.run import FailedBenchmark, run


@pytest.mark.parametrize(
    ("measurement", "passed"),
    [
        (Measurement("a", "maximum ratio, at the target", 23.0, 20.0, 1.15), True),
        (Measurement("a", "maximum ratio, above", 23.1, 20.0, 1.15), False),
        (Measurement("a", "maximum without a baseline", 6.0, None, 6.0), True),
        (Measurement("a", "minimum, at the target", 0.95, None, 0.95, at_least=True), True),
        (Measurement("a", "minimum, below", 0.94, None, 0.95, at_least=True), False),
        (Measurement("a", "minimum, zero", 0.0, None, 0.95, at_least=True), False),
        (Measurement("a", "exact, equal", 3.0, None, 3.0, exact=True), True),
        (Measurement("a", "exact, fewer", 2.0, None, 3.0, exact=True), False),
    ],
)
def test_a_measurement_passes_if_it_uses_at_most_its_whole_target(measurement: Measurement, passed: bool) -> None:
    assert measurement.passed is passed
    assert (measurement.target_utilisation <= 1) is passed


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, ...]]:
    def working() -> Iterator[Measurement]:
        yield Measurement("first", "one", 1.0, None, 1.0)
        yield Measurement("second", "two", 1.0, None, 1.0)

    def broken() -> Iterator[Measurement]:
        yield Measurement("third", "three", 1.0, None, 1.0)
        raise OSError("file not found")

    for name, measure in (("working", working), ("broken", broken)):
        module = ModuleType(name)
        vars(module)["measure"] = measure
        monkeypatch.setitem(sys.modules, name, module)
    return {"broken": ("third", "fourth"), "working": ("first", "second")}


def test_a_failing_benchmark_does_not_hide_other_results(modules: dict[str, tuple[str, ...]]) -> None:
    results = list(run(modules, set()))
    assert [each.benchmark for each in results if isinstance(each, Measurement)] == ["third", "first", "second"]
    assert [each for each in results if isinstance(each, FailedBenchmark)] == [
        FailedBenchmark("third", "OSError: file not found"),
        FailedBenchmark("fourth", "OSError: file not found"),
    ]


def test_a_benchmark_without_a_measurement_is_reported_as_failed(modules: dict[str, tuple[str, ...]]) -> None:
    working = {"working": (*modules["working"], "fifth")}
    assert [each for each in run(working, set()) if isinstance(each, FailedBenchmark)] == [
        FailedBenchmark("fifth", "no measurement")
    ]
    assert not [each for each in run(working, {"first"}) if isinstance(each, FailedBenchmark)]


def test_only_selected_benchmarks_are_reported(modules: dict[str, tuple[str, ...]]) -> None:
    assert [each.benchmark for each in run(modules, {"second"}) if isinstance(each, Measurement)] == ["second"]


def test_the_table_contains_measurements_and_failed_benchmarks() -> None:
    measurements = [Measurement("first", "one", 2.0, 1.0, 1.5), Measurement("first", "two", 1.0, 1.0, 1.5)]
    failed = [FailedBenchmark("third", "OSError: file not found")]
    console = Console(width=program.WIDTH, file=StringIO())
    with console.capture() as captured:
        console.print(report.table(measurements, failed))
    text = captured.get()
    assert "OSError: file not found" in text
    assert text.count("first") == 1
    assert [text.count(f" {result} ") for result in ("missed", "met", "error")] == [1, 1, 1]
    assert report.summary(measurements, failed) == "1 of 2 targets met, 1 missed, 1 benchmarks failed."


def test_every_line_of_the_table_fits_into_the_default_width() -> None:
    measurements = [Measurement("scan-deduplication", "m" * 40, 1e10, 1e10, 1.15, "instructions")]
    console = Console(width=program.WIDTH, file=StringIO())
    with console.capture() as captured:
        console.print(report.table(measurements, []))
    assert len(captured.get().splitlines()) == 2


def test_every_benchmark_has_a_unique_name_in_kebab_case() -> None:
    assert len(set(program.NAMES)) == len(program.NAMES)
    assert all(name.replace("-", "").isalnum() and name == name.lower() for name in program.NAMES)


def test_save_writes_the_results_to_the_given_file(
    modules: dict[str, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    saved = tmp_path / "results" / "run.json"
    monkeypatch.setattr(program, "MODULES", modules)
    monkeypatch.setattr(program, "NAMES", ("first", "second", "third", "fourth"))
    monkeypatch.setattr(program, "OUTPUT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["bench", "--only", "first,third", "--save", str(saved)])
    assert program.main() == 1
    results = json.loads(saved.read_text())
    assert [each["benchmark"] for each in results["measurements"]] == ["first", "third"]
    assert results["failed"] == [{"benchmark": "third", "reason": "OSError: file not found"}]
    assert json.loads((tmp_path / "latest.json").read_text()) == results


def test_an_unknown_benchmark_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--only", "cold-start,no-such-benchmark"])
    with pytest.raises(SystemExit):
        program.main()
    assert "unknown benchmark 'no-such-benchmark'" in capsys.readouterr().err
