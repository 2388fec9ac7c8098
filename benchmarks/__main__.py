"""Measures what the service costs and judges each figure by its target."""

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

from rich.console import Console

from benchmarks import history, report
from benchmarks.figure import Figure
from benchmarks.run import Unmeasured, run
from tools import paths

MODULES: dict[str, tuple[int, ...]] = {
    "benchmarks.cold_start": (1, 2),
    "benchmarks.size": (3,),
    "benchmarks.calls": (4,),
    "benchmarks.detections": (5,),
    "benchmarks.batch": (6,),
    "benchmarks.warm": (7,),
    "benchmarks.goodput": (8,),
    "benchmarks.many_waiting": (9,),
    "benchmarks.stack": (10,),
    "benchmarks.dollars": (11,),
}
"""Each module's rows; it has ``measure() -> Iterator[Figure]``."""

MADE = paths.ROOT / "artefacts" / "bench"
DRAWING = paths.ROOT / "docs" / "images" / "bench-history.svg"


def main() -> int:
    """Prints the table; 1 when a target is missed or a row could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", default="", help="numbers of the rows, such as 1,2; all unless it is said")
    parser.add_argument("--keep", action="store_true", help="add the run to the history that is committed")
    arguments = parser.parse_args()
    wanted = {int(row) for row in arguments.rows.split(",") if row}
    if unknown := wanted - set(chain.from_iterable(MODULES.values())):
        parser.error(f"there is no row {min(unknown)}")
    if arguments.keep and (wanted or _git("status", "--porcelain")):
        parser.error("only a run of all rows, of a commit without further changes, is kept")
    with _silence():
        measured = sorted(run(MODULES, wanted), key=_place)
    figures = [each for each in measured if isinstance(each, Figure)]
    unmeasured = [each for each in measured if isinstance(each, Unmeasured)]
    Console(width=150).print(report.table(figures, unmeasured))
    _write(report.as_json(figures, unmeasured, _about()), keeps=arguments.keep and not unmeasured)
    return 1 if unmeasured or not all(each.met for each in figures) else 0


@contextmanager
def _silence() -> Iterator[None]:
    """What the handlers print, their logs and metrics, is not told; what goes wrong is, on standard error."""
    sys.stdout.flush()
    told = os.dup(1)
    with Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(told, 1)
        os.close(told)


def _place(each: Figure | Unmeasured) -> int:
    return each.row if isinstance(each, Figure) else each.rows[0]


def _write(told: history.Run, *, keeps: bool) -> None:
    MADE.mkdir(parents=True, exist_ok=True)
    (MADE / "latest.json").write_text(json.dumps(told, indent=1) + "\n")
    (MADE / "history.svg").write_text(history.drawing([*history.kept(), told]))
    if keeps:
        history.keep(told)
        DRAWING.write_text(history.drawing(history.kept()))


def _about() -> dict[str, str]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
    }


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    told = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    return told.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
