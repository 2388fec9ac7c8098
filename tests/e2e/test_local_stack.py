import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from local import ports, usage
from local.client import Client, question
from local.control import RekognitionControl
from local.stack import EMULATOR, REKOGNITION, Stack
from tools import paths


@pytest.fixture
def occupied_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((ports.HOST, ports.ANY_PORT))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def second_stack(stack: Stack, occupied_port: int) -> Iterator[Stack]:
    second = Stack(f"{stack.home.name}-second", {EMULATOR: occupied_port, REKOGNITION: ports.ANY_PORT})
    try:
        yield second
    finally:
        second.down()
        shutil.rmtree(second.home)


def test_a_stack_picks_another_port_and_keeps_port_and_data_when_it_is_restarted(
    second_stack: Stack, occupied_port: int, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second_stack.up()
    assert f"port {occupied_port} is in use by {psutil.Process().name()}" in capsys.readouterr().err
    api_url = second_stack.api_url
    first = Client(api_url).ask(samples / "cat.jpg", "cat")

    second_stack.down()
    second_stack.up()

    assert second_stack.api_url == api_url
    assert "deploy application" not in capsys.readouterr().out
    known = Client(api_url).post(question(samples / "cat.jpg", "dog"))
    assert known.status_code == 200
    assert known.json()["scanned_at"] == first["scanned_at"]
    assert RekognitionControl(second_stack.rekognition_url).calls()["total"] == 0
    fresh = Client(api_url).ask(samples / "rocket.jpg", "cat")
    assert fresh["status"] == "completed"


def test_servers_listen_on_127_0_0_1_only(stack: Stack) -> None:
    processes = [process for server in stack.servers() if (process := server.process())]
    family = [one for process in processes for one in (process, *process.children(recursive=True))]
    listening = {c.laddr.ip for one in family for c in one.net_connections() if c.status == psutil.CONN_LISTEN}
    assert listening == {ports.HOST}


def test_the_command_that_make_up_prints_submits_an_image_and_prints_its_result(stack: Stack) -> None:
    command = ["bash", "-euo", "pipefail", "-c", usage.scan_command(stack.api_url)]
    completed = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our commands
    assert completed.returncode == 0, completed.stderr
    request = json.loads(completed.stdout)
    assert (request["label"], request["status"]) == ("cat", "completed")


@pytest.mark.parametrize(("method", "path"), [("GET", "/unknown"), ("PUT", "/scanrequest"), ("OPTIONS", "/unknown")])
def test_gateway_responses_have_the_body_of_the_template_and_a_cors_header(
    stack: Stack, method: str, path: str
) -> None:
    response = httpx.request(method, f"{stack.api_url}{path}", headers={"Origin": "http://localhost:3000"})
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
