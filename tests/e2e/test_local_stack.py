import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path

import httpx
import psutil
import pytest
from rich.console import Console

from local import ports, report, usage
from local.client import Client, question
from local.control import RekognitionControl
from local.stack import EMULATOR, REKOGNITION, Stack
from tests.e2e.stack_admin import StackAdmin
from tools import paths
from tools.console import CommandError


def listen(port: int = ports.ANY_PORT) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((ports.HOST, port))
    listener.listen()
    return listener


@pytest.fixture(scope="module")
def occupied_port() -> Iterator[int]:
    with closing(listen()) as listener:
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
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


def test_a_stack_scans_and_keeps_its_data_when_another_process_has_taken_its_ports(
    second_stack: Stack, samples: Path
) -> None:
    second_stack.up()
    before = Client(second_stack.api_url).ask(samples / "cat.jpg", "cat")
    api_url, rekognition_url = second_stack.api_url, second_stack.rekognition_url
    second_stack.down()

    with closing(listen(httpx.URL(second_stack.aws_endpoint).port or 0)), pytest.raises(CommandError, match="Port"):
        second_stack.up()
    with closing(listen(httpx.URL(rekognition_url).port or 0)):
        second_stack.up()

    assert second_stack.api_url == api_url
    assert second_stack.rekognition_url != rekognition_url
    fresh = Client(api_url).ask(samples / "coffee.jpg", "cup")
    assert fresh["label_matched"] is True
    known = Client(api_url).post(question(samples / "cat.jpg", "dog"))
    assert known.json()["scanned_at"] == before["scanned_at"]


def test_a_scanner_without_its_trigger_is_noticed(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert stack.is_scanner_invoked()
    admin = StackAdmin(stack, stack.outputs())
    with admin.lost_messages():
        assert not stack.is_scanner_invoked(seconds=2)
    assert report.status(stack, Console())
    assert re.search(r"Scanner +healthy", capsys.readouterr().out)


def test_a_message_in_the_dead_letter_queue_is_not_healthy(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    admin = StackAdmin(stack, stack.outputs())
    stack.client("sqs").send_message(QueueUrl=admin.names["ScanDeadLetterQueueUrl"], MessageBody="failed")
    try:
        assert not report.status(stack, Console())
        assert "dead-letter queue not empty (1); run `make redrive OPTIONS=--list`" in capsys.readouterr().out
    finally:
        admin.purge_dead_letters()


def test_the_demo_asks_for_labels_moderation_labels_and_text(api: Client, samples: Path, tmp_path: Path) -> None:
    for name in ("sign.png", "wine-bottle.png"):
        shutil.copy(samples / name, tmp_path)
    console = Console(file=StringIO(), width=160)
    report.demo(api, tmp_path, console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO
    assert re.search(r"sign\.png +│ any moderation label +│ no +│ none ", printed)
    assert re.search(r"sign\.png +│ text 'open' +│ yes: OPEN \(100%\) +│ SUMMER SALE \(100%\), ", printed)
    assert re.search(
        r"wine-bottle\.png +│ any moderation label +│ yes: Alcoholic Beverages \(96%\) +│ Alcohol \(96%\) ", printed
    )
    assert re.search(r"wine-bottle\.png +│ cat +│ no +│ Beverage \(96%\), Alcohol \(96%\), Wine \(96%\) ", printed)


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
