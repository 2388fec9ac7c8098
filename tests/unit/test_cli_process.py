"""How the process itself ends, which a command that is called as a function cannot show."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest

from local import paths
from tests.unit.cli_service import FakeService

pytestmark = pytest.mark.enable_socket  # the service listens on this machine's loopback

# Set here, because who starts tests in the background may have Ctrl-C passed over, and children take that from them.
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
    known = {"IMAGESCAN_API": service.api, "IMAGESCAN_CONFIG": str(settings), "PYTHONPATH": str(paths.ROOT / "cli")}
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object, output: int = PIPE, errors: int = PIPE) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
        process = subprocess.Popen(command, env=os.environ | known, stdout=output, stderr=errors, text=True)  # noqa: S603 - our own
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(start: Start, picture: Path, service: FakeService) -> None:
    service.looks = 1_000_000
    waiting = start("submit", picture, "--wait")
    end = time.monotonic() + 30
    while not service.calls["status"] and time.monotonic() < end:
        time.sleep(0.05)
    waiting.send_signal(signal.SIGINT)
    told, errors = waiting.communicate(timeout=30)
    assert (waiting.returncode, told) == (130, "")
    assert "Stopped. The same command takes up from here" in errors


@pytest.mark.parametrize(("errors", "told"), [(PIPE, ""), (STDOUT, None)])
def test_answers_that_nobody_reads_end_with_3_and_in_silence(
    start: Start, picture: Path, errors: int, told: str | None
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    unread = start("submit", picture, output=writer, errors=errors)
    os.close(writer)
    assert (unread.communicate(timeout=30)[1], unread.returncode) == (told, 3)
