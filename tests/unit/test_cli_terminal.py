"""The command line on a terminal: a real process on a pseudoterminal, and an emulator that shows what a user sees."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyte
import pytest

from testing.images import png
from tests.unit.cli_service import FakeService, Fault
from tools import paths

pytestmark = pytest.mark.enable_socket  # the fake service listens on the loopback interface

IMAGE_COUNT = 30
ROWS = 24
WIDTHS = [40, 80, 110]
BAR = "\u2501"
RED = "\x1b[1;31m"
GREEN = "\x1b[32m"


@dataclass(frozen=True, slots=True)
class Session:
    """What a terminal showed: every line including the history, each intermediate screen, and the raw bytes."""

    lines: list[str]
    screens: list[list[str]]
    raw: str
    exit_code: int

    @property
    def unwrapped(self) -> str:
        """The text with continuation lines joined."""
        return re.sub(r"\n {2}(?=\S)", " ", "\n".join(self.lines))


type Run = Callable[..., Session]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_images(tmp_path / "a folder")


def write_images(folder: Path) -> Path:
    folder.mkdir()
    for index in range(IMAGE_COUNT):
        (folder / f"image {index:02}.png").write_bytes(png() + f"cat {index}".encode())
    (folder / "dog.png").write_bytes(png() + b"dog")
    return folder


@pytest.fixture
def environment(service: FakeService, tmp_path: Path) -> dict[str, str]:
    return environment_for(service, tmp_path)


def environment_for(service: FakeService, folder: Path) -> dict[str, str]:
    (folder / "config.toml").write_text("")
    inherited = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS", "LINES"}}
    return inherited | {
        "IMAGESCAN_API_URL": service.api_url,
        "IMAGESCAN_CONFIG": str(folder / "config.toml"),
        "PYTHONPATH": str(paths.ROOT / "cli"),
        "TERM": "xterm-256color",
    }


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    def run(width: int, *arguments: object, output: int | None = None) -> Session:
        return run_on_terminal(width, arguments, environment, tmp_path, output)

    return run


@pytest.fixture(scope="module", params=WIDTHS)
def scan(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Return a run that scans a folder, on a terminal of each width."""
    service, folder = FakeService(polls_per_scan=2), tmp_path_factory.mktemp("scan")
    server = service.start()
    write_images(folder / "a folder")
    arguments = ["submit", "a folder", "--label", "cat", "--wait"]
    yield run_on_terminal(request.param, arguments, environment_for(service, folder), folder)
    server.shutdown()
    server.server_close()


def run_on_terminal(
    width: int, arguments: Iterable[object], environment: Mapping[str, str], folder: Path, output: int | None = None
) -> Session:
    """Run the command line in ``folder`` on a terminal with ``width`` columns, optionally with redirected output."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, width, 0, 0))
    process = subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-m", "imagescan_cli", *map(str, arguments)],
        cwd=folder,
        env=environment,
        stdin=terminal,
        stdout=terminal if output is None else output,
        stderr=terminal,
    )
    os.close(terminal)
    screen = pyte.HistoryScreen(width, ROWS, history=10_000)
    stream, raw, screens = pyte.ByteStream(screen), b"", []
    while data := _read(controller):
        raw += data
        stream.feed(data)
        screens.append([line.rstrip() for line in screen.display])
    os.close(controller)
    past = ["".join(line[column].data for column in range(width)).rstrip() for line in screen.history.top]
    visible = [line.rstrip() for line in screen.display]
    return Session(past + visible, screens, raw.decode(), process.wait(30))


def _read(controller: int) -> bytes:
    try:
        return os.read(controller, 65_536)
    except OSError:  # Linux reports the end of a pseudoterminal as an error
        return b""


def test_results_are_not_overwritten_by_progress_bars(scan: Session) -> None:
    assert scan.exit_code == 0
    for index in range(IMAGE_COUNT):
        assert len(re.findall(rf"image {index:02}\.png: Yes\. \[[0-9a-f-]{{36}}\]", scan.unwrapped)) == 1
    assert len(re.findall(r"dog\.png: No\. \[[0-9a-f-]{36}\]", scan.unwrapped)) == 1
    assert "31 images: 30 yes, 1 no; 31 uploaded." in scan.unwrapped


def test_progress_bars_are_visible_during_the_run_and_disappear_afterwards(scan: Session) -> None:
    bars = [line for screen in scan.screens for line in screen if BAR in line]
    assert any(re.fullmatch(rf"submitted {BAR}\S+ +\d+/31 0:00:\d\d", line) for line in bars)
    assert any(re.fullmatch(rf" finished {BAR}\S+ +\d+/31 0:00:\d\d", line) for line in bars)
    assert BAR not in "".join(scan.lines)


def test_long_lines_are_broken_between_words_and_indented(scan: Session) -> None:
    for line in scan.lines:
        assert line.startswith(("a folder/", "  ", "31 images")) or not line


def test_failures_are_red_and_listed_before_the_summary(run: Run, folder: Path, service: FakeService) -> None:
    service.faults = [Fault("submit_entry", 400, content=b'{"code": "rejected", "message": "Use another image."}')]
    session = run(80, "submit", folder, "--wait")
    assert session.raw.count(f"{RED}Failed:") == 2
    assert "Failed: " in session.unwrapped.split("31 images: ")[0].splitlines()[-1]


def test_only_the_verdict_is_green_although_the_text_in_the_image_is_the_same(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Yes..png").write_bytes(png() + b"text:Yes.")
    session = run(110, "submit", "Yes..png", "--text", "yes", "--wait")
    assert session.raw.count(f"{GREEN}Yes") == 1
    assert f'Yes..png: {GREEN}Yes\x1b[0m. Text: "Yes." 99.1%.' in session.raw


def test_no_color_removes_colours(run: Run, folder: Path, environment: dict[str, str]) -> None:
    environment["NO_COLOR"] = "1"
    session = run(80, "submit", folder / "none.png", folder / "dog.png", "--wait")
    assert "\x1b[3" not in session.raw


def test_results_in_a_pipe_are_plain_while_bars_are_on_the_terminal(run: Run, folder: Path, tmp_path: Path) -> None:
    with (tmp_path / "out.jsonl").open("w") as file:
        session = run(80, "submit", folder, "--wait", "--json", output=file.fileno())
    text = (tmp_path / "out.jsonl").read_text()
    assert (text.count("\n"), "\x1b" in text) == (31, False)
    assert any(BAR in line for screen in session.screens for line in screen)
    assert [line for line in session.lines if line] == ["31 images: 30 yes, 1 no; 31 uploaded."]


def test_json_lines_on_a_terminal_are_complete(run: Run, folder: Path) -> None:
    session = run(40, "submit", folder / "dog.png", "--wait", "--json")
    [line] = re.findall(r"\{.*\}", session.raw)  # the terminal wraps the line, and the program does not
    assert json.loads(line)["path"] == str(folder / "dog.png")


def test_file_names_are_printed_as_they_are(run: Run, tmp_path: Path) -> None:
    path = tmp_path / ":cat: [red]cat.png"
    path.write_bytes(png() + b"cat")
    for arguments in (["submit", path.name, "--wait"], ["submit", path.name, "--json"], ["list"]):
        assert path.name in "\n".join(run(110, *arguments).lines)


@pytest.mark.parametrize("width", WIDTHS)
def test_list_fits_the_terminal(run: Run, service: FakeService, width: int) -> None:
    for index in range(4):
        body = {"sha256": f"{index:064}", "reference": "photos/" * 10 + f"{index}.png"}
        service.post_request(body, body["sha256"])
    session = run(width, "list", "--limit", 3)
    shown = [line for line in session.lines if line]
    rows = [line for line in shown if re.search(r"[0-9a-f-]{36}$", line)]
    assert len(rows) == 3
    files = shown[2:8:2] if width == 40 else rows
    assert [re.search(r"(\d\.png) +pending", line)[1] for line in files] == ["3.png", "2.png", "1.png"]  # type: ignore[index]
    assert shown[0].split()[:3] == ["AGE", "FILE", "VERDICT"]


def test_interrupted_run_clears_the_bars_and_exits_with_130(
    folder: Path, service: FakeService, environment: dict[str, str]
) -> None:
    service.polls_per_scan = 1_000_000
    controller, terminal = pty.openpty()
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from imagescan_cli.__main__ import main; main()"
    )
    process = subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-c", program, "submit", str(folder), "--wait"],
        env=environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    raw, is_interrupted = b"", False
    while data := _read(controller):
        raw += data
        if not is_interrupted and service.calls["status_batch"]:
            is_interrupted = True
            process.send_signal(signal.SIGINT)
    assert (process.wait(30), b"Interrupted. Re-run the same command to resume." in raw) == (130, True)
    os.close(controller)
