import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local import ports
from local.client import Client, question
from local.control import RekognitionControl
from local.stack import EMULATOR, REKOGNITION, Stack


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((ports.HOST, ports.ANY))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def second_stack(stack: Stack, taken_port: int) -> Iterator[Stack]:
    second = Stack(f"{stack.home.name}-second", {EMULATOR: taken_port, REKOGNITION: ports.ANY})
    try:
        yield second
    finally:
        second.down()
        shutil.rmtree(second.home)


def test_a_stack_takes_another_port_and_keeps_port_and_data_over_down_and_up(
    second_stack: Stack, taken_port: int, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second_stack.up()
    assert f"port {taken_port} is taken by {psutil.Process().name()}" in capsys.readouterr().err
    address = second_stack.api_url
    first = Client(address).ask(samples / "cat.jpg", "cat")

    second_stack.down()
    second_stack.up()

    assert second_stack.api_url == address
    assert "deployed" not in capsys.readouterr().out
    known = Client(address).post(question(samples / "cat.jpg", "dog"))
    assert known.status_code == 200
    assert known.json()["scanned_at"] == first["scanned_at"]
    assert RekognitionControl(second_stack.rekognition_url).calls()["total"] == 0
    fresh = Client(address).ask(samples / "rocket.jpg", "cat")
    assert fresh["status"] == "completed"


def test_servers_listen_on_127_0_0_1_alone(stack: Stack) -> None:
    processes = [process for server in stack.servers() if (process := server.process())]
    family = [one for process in processes for one in (process, *process.children(recursive=True))]
    listening = {c.laddr.ip for one in family for c in one.net_connections() if c.status == psutil.CONN_LISTEN}
    assert listening == {ports.HOST}
