"""Exit of the real process, which in-process tests cannot show."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest

from testing.images import png
from tests.unit.cli_service import FakeService
from tools import paths

pytestmark = pytest.mark.enable_socket  # the fake service listens on the loopback interface

# Restores the handler of Ctrl-C: a test run in the background may ignore the signal, and child processes inherit that.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from imagescan_cli.__main__ import main
main()
"""

type Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(service: FakeService, tmp_path: Path) -> Iterator[Start]:
    settings = tmp_path / "config.toml"
    settings.write_text("")
    ours = {
        "IMAGESCAN_API_URL": service.api_url,
        "IMAGESCAN_CONFIG": str(settings),
        "PYTHONPATH": str(paths.ROOT / "cli"),
    }
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: object, output: int = PIPE, errors: int = PIPE) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
        process = subprocess.Popen(command, env=os.environ | ours, stdout=output, stderr=errors, text=True)  # noqa: S603 - our own code
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_ctrl_c_exits_with_130_and_says_how_to_resume(start: Start, image_path: Path, service: FakeService) -> None:
    service.polls_per_scan = 1_000_000
    waiting = start("submit", image_path, "--wait")
    end = time.monotonic() + 30
    while not service.calls["status"] and time.monotonic() < end:
        time.sleep(0.05)
    waiting.send_signal(signal.SIGINT)
    output, errors = waiting.communicate(timeout=30)
    assert (waiting.returncode, output) == (130, "")
    assert "Interrupted. Re-run the same command to resume." in errors


def test_ctrl_c_exports_the_results_that_were_complete(start: Start, tmp_path: Path, service: FakeService) -> None:
    for shade, name in enumerate(("cat.png", "dog.png")):
        (tmp_path / name).write_bytes(png(80, 80, shade=shade))
    service.unscanned.add(hashlib.sha256((tmp_path / "dog.png").read_bytes()).hexdigest())
    table, page = tmp_path / "results.csv", tmp_path / "results.html"
    waiting = start("submit", tmp_path, "--csv", table, "--report", page, "--json")
    assert waiting.stdout
    assert "cat.png" in waiting.stdout.readline()
    waiting.send_signal(signal.SIGINT)
    waiting.communicate(timeout=30)
    assert waiting.returncode == 130
    [_, row] = table.read_text(encoding="utf-8-sig").splitlines()
    assert "cat.png" in row
    assert "Stopped early. Images without a result: 1." in page.read_text()


@pytest.mark.parametrize(("errors", "expected"), [(PIPE, ""), (STDOUT, None)])
def test_closed_output_pipe_exits_with_3_without_an_error_message(
    start: Start, image_path: Path, errors: int, expected: str | None
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = start("submit", image_path, output=writer, errors=errors)
    os.close(writer)
    assert (process.communicate(timeout=30)[1], process.returncode) == (expected, 3)
