"""Run the benchmarks and compare each result with its target."""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import report
from benchmarks.measurement import Measurement
from benchmarks.run import FailedBenchmark, run
from tools import paths

MODULES: dict[str, tuple[str, ...]] = {
    "benchmarks.cold_start": ("cold-start", "bytecode"),
    "benchmarks.bundle_size": ("bundle-size",),
    "benchmarks.call_counts": ("call-counts",),
    "benchmarks.scan_deduplication": ("scan-deduplication",),
    "benchmarks.batch_latency": ("batch-latency",),
    "benchmarks.warm_overhead": ("warm-overhead",),
    "benchmarks.goodput": ("goodput",),
    "benchmarks.fan_out": ("fan-out",),
    "benchmarks.end_to_end": ("end-to-end",),
    "benchmarks.cost_per_million": ("cost-per-million",),
    "benchmarks.three_features": ("three-features",),
    "benchmarks.content_hash": ("content-hash",),
}
"""The benchmarks of each module. Each module has ``measure() -> Iterator[Measurement]``."""

NAMES = tuple(chain.from_iterable(MODULES.values()))
OUTPUT = paths.ROOT / "artefacts" / "bench"
WIDTH = 140  # characters


def main() -> int:
    """Print the report. Return 1 if a target is missed or a benchmark fails."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="", metavar="NAMES", help=f"comma-separated names: {', '.join(NAMES)}")
    parser.add_argument(
        "--save",
        nargs="?",
        type=Path,
        const=_default_file(),
        metavar="FILE",
        help="also write the results as JSON to FILE (default: a file named after the time in artefacts/bench)",
    )
    arguments = parser.parse_args()
    selected = {name.strip() for name in arguments.only.split(",") if name.strip()}
    if unknown := selected - set(NAMES):
        parser.error(f"unknown benchmark {min(unknown)!r}; choose from {', '.join(NAMES)}")
    with _handler_output_discarded():
        results = list(run(MODULES, selected))
    measurements = [each for each in results if isinstance(each, Measurement)]
    failed = [each for each in results if isinstance(each, FailedBenchmark)]
    measurements.sort(key=lambda each: NAMES.index(each.benchmark))
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    console.print(report.table(measurements, failed))
    console.print(f"\n{report.summary(measurements, failed)}", highlight=False)
    saved = report.as_json(measurements, failed, _about())
    for path in filter(None, (OUTPUT / "latest.json", arguments.save)):
        _write(path, saved)
    return 1 if failed or not all(each.passed for each in measurements) else 0


def _default_file() -> Path:
    return OUTPUT / f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.json"


def _write(path: Path, results: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")


@contextmanager
def _handler_output_discarded() -> Iterator[None]:
    """Discard the logs and metrics that the handlers print to standard output. Standard error stays."""
    sys.stdout.flush()
    stdout = os.dup(1)
    with Path(os.devnull).open("w") as null:
        os.dup2(null.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.close(stdout)


def _about() -> dict[str, str]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
    }


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    finished = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - constant
    return finished.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
