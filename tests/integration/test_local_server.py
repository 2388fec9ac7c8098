import json
import sys
from pathlib import Path

import psutil
import pytest

from local.server import Server
from tools.console import CommandError

SLEEPS = "import time; time.sleep(60)"
IGNORES_SIGTERM = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); {SLEEPS}"
UNREACHABLE_URL = "http://127.0.0.1:1/"


def server(home: Path, code: str = SLEEPS) -> Server:
    return Server("sleeper", home, [sys.executable, "-c", code], {}, UNREACHABLE_URL)


def test_a_server_runs_until_it_is_stopped(tmp_path: Path) -> None:
    sleeper = server(tmp_path)
    assert sleeper.process() is None
    sleeper.start()
    assert sleeper.process() is not None
    assert sleeper.stop()
    assert sleeper.process() is None
    assert not sleeper.stop()


def test_a_process_that_reused_the_id_of_a_dead_server_is_not_stopped(tmp_path: Path) -> None:
    sleeper, other = server(tmp_path), psutil.Process()
    identity = {"pid": other.pid, "started": other.create_time() - 3600}
    (tmp_path / "sleeper.process.json").write_text(json.dumps(identity))
    assert sleeper.process() is None
    assert not sleeper.stop()
    assert other.is_running()


def test_a_server_that_ignores_sigterm_is_killed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stubborn = server(tmp_path, IGNORES_SIGTERM)
    stubborn.start()
    while "ready" not in stubborn.log.read_text():
        assert stubborn.process()
    assert stubborn.stop(seconds=0.2)
    assert stubborn.process() is None
    assert "killed" in capsys.readouterr().err


@pytest.mark.enable_socket  # the health check runs first
def test_a_server_that_exits_while_starting_is_reported_with_its_log(tmp_path: Path) -> None:
    broken = server(tmp_path, "raise SystemExit('no such option')")
    broken.start()
    with pytest.raises(CommandError, match=str(broken.log)):
        broken.wait_until_healthy()
    assert "no such option" in broken.log.read_text()


def test_a_server_that_was_started_with_another_command_is_outdated(tmp_path: Path) -> None:
    running = server(tmp_path)
    assert not running.is_outdated()
    running.start()
    try:
        assert not running.is_outdated()
        assert server(tmp_path, IGNORES_SIGTERM).is_outdated()
    finally:
        running.stop()
