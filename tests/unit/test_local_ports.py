"""Test which ports `make up` uses."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psutil
import pytest

from local import ports
from local.stack import EMULATOR, REKOGNITION, Stack
from tools import paths
from tools.console import CommandError

pytestmark = pytest.mark.enable_socket  # the tests listen on the loopback interface


class StoppedStack(Stack):
    """A stack whose ports can be picked without starting it."""

    def pick_ports(self) -> dict[str, int]:
        picked = self._pick_ports()
        self._ports_file.write_text(json.dumps(picked))
        return picked

    def create_data(self) -> None:
        self._data.mkdir()


def listen(port: int = ports.ANY_PORT) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((ports.HOST, port))
    listener.listen()
    return listener


def free_port() -> int:
    with closing(listen()) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def taken() -> Iterator[int]:
    """Return a port that this process uses."""
    with closing(listen()) as listener:
        yield int(listener.getsockname()[1])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "STACKS", tmp_path)
    (tmp_path / "one").mkdir()
    return tmp_path / "one"


def stack_with(emulator: int, rekognition: int) -> StoppedStack:
    return StoppedStack("one", {EMULATOR: emulator, REKOGNITION: rekognition})


def test_a_free_port_is_used_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    assert ports.pick_port(port, "AWS emulator") == port
    assert capsys.readouterr().err == ""


def test_the_next_free_port_replaces_a_port_in_use_and_the_warning_names_its_process_and_folder(
    taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    other = ports.pick_port(taken, "AWS emulator")
    assert (other - taken) % ports.STEP == 0
    assert other > taken
    assert ports.is_free(other)
    process = f"{psutil.Process().name()} (process {os.getpid()} in {Path.cwd()})"
    assert f"port {taken} is in use by {process}; the AWS emulator uses port {other}" in capsys.readouterr().err


def test_a_port_without_a_successor_is_replaced_as_well(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    monkeypatch.setattr(ports, "MAX_PORT", taken)
    assert ports.is_free(ports.pick_port(taken, "AWS emulator"))


def test_a_new_stack_picks_free_ports(home: Path, taken: int) -> None:
    assert not (home / "ports.json").exists()
    preferred = free_port()
    picked = stack_with(taken, preferred).pick_ports()
    assert picked[EMULATOR] != taken
    assert picked[REKOGNITION] == preferred


@pytest.mark.usefixtures("home")
def test_a_stack_keeps_the_replacement_ports_when_the_preferred_ports_are_free_again() -> None:
    with ExitStack() as listeners:
        preferred = [int(listeners.enter_context(closing(listen())).getsockname()[1]) for _ in range(2)]
        stack = stack_with(*preferred)
        picked = stack.pick_ports()
    assert stack.pick_ports() == picked
    assert set(picked.values()) & set(preferred) == set()


@pytest.mark.usefixtures("home")
def test_a_stack_with_data_does_not_change_the_port_of_the_aws_emulator() -> None:
    stack = stack_with(free_port(), free_port())
    picked = stack.pick_ports()
    stack.create_data()
    with closing(listen(picked[EMULATOR])), pytest.raises(CommandError) as error:
        stack.pick_ports()
    owner = f"{psutil.Process().name()} (process {os.getpid()} in {Path.cwd()})"
    assert f"Port {picked[EMULATOR]} is in use by {owner}." in str(error.value)
    assert "`make down`" in str(error.value)
    assert "`make reset`: it deletes the data" in str(error.value)
    assert stack.pick_ports() == picked


@pytest.mark.usefixtures("home")
def test_a_stack_without_data_can_change_the_port_of_the_aws_emulator() -> None:
    stack = stack_with(free_port(), free_port())
    picked = stack.pick_ports()
    with closing(listen(picked[EMULATOR])):
        assert stack.pick_ports()[EMULATOR] != picked[EMULATOR]


@pytest.mark.usefixtures("home")
def test_a_stack_with_data_can_change_the_port_of_the_rekognition_emulator() -> None:
    stack = stack_with(free_port(), free_port())
    picked = stack.pick_ports()
    stack.create_data()
    with closing(listen(picked[REKOGNITION])):
        changed = stack.pick_ports()
    assert changed[EMULATOR] == picked[EMULATOR]
    assert changed[REKOGNITION] != picked[REKOGNITION]
