"""mypy checks each adapter against the protocol of the use case that receives it.

Methods of the adapters are changed in a copy of the package. mypy must then report an error in the handler that
composes the adapter with the use case.
"""

import re
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from mypy import api

ROOT = Path(__file__).parents[2]
PACKAGE = Path("src", "imagescan")
CACHE = ROOT / ".mypy_cache" / "test_types"  # keeps the results for the SDK's stubs, which take most of the time


class Drift(NamedTuple):
    """A change of an adapter's method, and the handlers where the adapter no longer implements ``protocol``."""

    module: str
    protocol: str
    old: str
    new: str
    handlers: tuple[str, ...]


# mypy reports one error per call, so no two drifts of the submit handler may be in the same run (see _rounds).
DRIFTS = [
    Drift("images_table", "Images", "def finish(", "def finish_scan(", ("scanner",)),
    Drift("images_table", "Images", "def mark_for_purge(", "def mark(", ("delete", "scanner", "submit")),
    Drift("images_table", "Images", "get(self, key: str)", "get(self, key: bytes)", ("status", "submit")),
    Drift(
        "requests_table",
        "ReadableRequests",
        ") -> ScanRequest | DeletedRequest:",
        ") -> ScanRequest | None:",
        ("submit",),
    ),
    Drift("requests_table", "Requests", "def newest(", "def latest(", ("list_requests",)),
    Drift("requests_table", "Requests", "def settle(", "def write_answers(", ("scanner", "sweeper")),
    Drift("image_bucket", "Bucket", "def find(", "def head(", ("scanner",)),
    Drift("image_bucket", "Bucket", "def presign_upload(", "def presign(", ("submit",)),
    Drift("rekognition", "Detector", "def detect(", "def detect_labels(", ("scanner",)),
    Drift("daily_quota", "Quota", "def refund(", "def return_call(", ("scanner",)),
    Drift("scan_queue", "Queue", "def enqueue_all(", "def send_all(", ("sweeper",)),
    Drift("images_table", "Images", "def remove(", "def delete(", ("purger",)),
    Drift("requests_table", "Requests", "def pending_pages(", "def pages(", ("sweeper",)),
    Drift("sweep_position", "Position", "def load(", "def read(", ("sweeper",)),
    Drift("image_bucket", "Bucket", "def remove(", "def delete(", ("purger",)),
    Drift(
        "counters_table",
        "Counters",
        'totals: Totals, token: str) -> None:\n        """',
        'totals: Totals) -> None:\n        token = str()\n        """',
        ("event_publisher",),
    ),
    Drift("event_bus", "Bus", "def publish(self, ", "def publish(self, source: str, ", ("event_publisher",)),
]


class MypyRun(NamedTuple):
    status: int
    output: str

    def errors(self, handler: str) -> list[str]:
        return [line for line in self.output.splitlines() if f"handlers/{handler}.py" in line and ": error: " in line]


def _rounds() -> dict[Drift, int]:
    """Return the mypy run in which each drift is made. A run has one drift per adapter, to attribute its errors."""
    used: Counter[str] = Counter()
    rounds = {}
    for drift in DRIFTS:
        rounds[drift] = used[drift.module]
        used[drift.module] += 1
    return rounds


def run_mypy(package: Path) -> MypyRun:
    recursion_limit = sys.getrecursionlimit()  # mypy raises it for the process
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(package)
        output, errors, status = api.run(["--no-pretty", f"--cache-dir={CACHE}", str(PACKAGE / "handlers")])
    sys.setrecursionlimit(recursion_limit)
    assert not errors
    return MypyRun(status, output)


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a copy of the package and of mypy's configuration."""
    copy = tmp_path_factory.mktemp("types")
    shutil.copy(ROOT / "pyproject.toml", copy)
    shutil.copytree(ROOT / PACKAGE, copy / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="module")
def run_before(unchanged: Path) -> MypyRun:
    return run_mypy(unchanged)


@pytest.fixture(scope="module")
def runs_with_drift(unchanged: Path, run_before: MypyRun) -> dict[Drift, MypyRun]:
    """Return the run for each drift."""
    del run_before  # requested so that mypy checks the package before it changes
    rounds = _rounds()
    runs: dict[Drift, MypyRun] = {}
    for number in sorted(set(rounds.values())):
        drifts = [drift for drift in DRIFTS if rounds[drift] == number]
        sources = {path: path.read_text() for path in (_module(unchanged, drift) for drift in drifts)}
        for drift in drifts:
            source = sources[_module(unchanged, drift)]
            assert source.count(drift.old) == 1, drift
            _module(unchanged, drift).write_text(source.replace(drift.old, drift.new))
        runs |= dict.fromkeys(drifts, run_mypy(unchanged))
        for path, source in sources.items():
            path.write_text(source)
    return runs


def _module(package: Path, drift: Drift) -> Path:
    return package / PACKAGE / "aws" / f"{drift.module}.py"


def test_mypy_accepts_the_unchanged_package(run_before: MypyRun) -> None:
    assert run_before.status == 0, run_before.output


@pytest.mark.parametrize("drift", DRIFTS, ids=lambda drift: f"{drift.module}: {drift.old.splitlines()[0]}")
def test_mypy_rejects_an_adapter_that_drifts_from_its_protocol(
    drift: Drift, runs_with_drift: dict[Drift, MypyRun]
) -> None:
    run = runs_with_drift[drift]
    for handler in drift.handlers:
        expected = re.compile(rf'expected (type )?"{drift.protocol}"')
        assert any(expected.search(error) for error in run.errors(handler)), run.output
