"""Test the functions in containers, as `sam local` runs them, against the local stack."""

import json
import os
import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from local import bridge, ports
from local.client import Client, RequestJson, question
from local.control import RekognitionControl
from local.stack import DEFAULT_PORTS, EMULATOR, REKOGNITION, Stack
from testing.template import Template
from tools import env, paths, sam
from tools.console import CommandError

EVENTS = paths.ROOT / "events"
ENV_FILE = EVENTS / "env.json"
HOST = "host.docker.internal"


@dataclass(frozen=True)
class SamLocal:
    """Run `sam local` with these flags and environment variables."""

    flags: list[str]
    environment: Mapping[str, str]

    def invoke(self, function: str, event: str) -> Any:
        """Invoke the function with a file from events/ and return its result."""
        command = self._command("invoke", function, "--event", str(EVENTS / f"{event}.json"))
        completed = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
        assert completed.returncode == 0, completed.stderr
        return json.loads(completed.stdout)

    def start_api(self, port: int, log: Path) -> subprocess.Popen[bytes]:
        """Start `sam local start-api`."""
        with log.open("wb") as output:
            command = self._command("start-api", "--port", str(port))
            return subprocess.Popen(command, env=self.environment, stderr=output)  # noqa: S603 - a fixed command

    def _command(self, *arguments: str) -> list[str]:
        return [str(paths.SAM_PYTHON), "-m", "samcli", "local", *arguments, *self.flags]


@pytest.fixture(scope="module")
def engine() -> Iterator[Mapping[str, str]]:
    """Return the environment of a container engine. SAM_LOCAL_ENGINE names a command that starts one."""
    command, ran_before = os.environ.get("SAM_LOCAL_ENGINE"), set(psutil.pids())
    try:
        variables = {**os.environ, **(_exported_by(command) if command else {})}
        bridge.gateway(variables)
    except (CommandError, subprocess.CalledProcessError) as error:
        if "GITHUB_ACTIONS" in os.environ:  # its runners have an engine
            raise
        pytest.skip(f"NOTHING WAS RUN IN A CONTAINER: {error}")
    yield variables
    # Do not stop an engine that was already running.
    if command and (started := _listener(variables["DOCKER_HOST"].removeprefix("unix://"))).pid not in ran_before:
        started.terminate()
        started.wait(60)


@pytest.fixture(scope="module")
def sam_local(stack: Stack, engine: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[SamLocal]:
    """Return `sam local` with events/env.json, in which the ports are replaced by those of this stack."""
    targets = [httpx.URL(url).port or 0 for url in (stack.aws_endpoint, stack.rekognition_url)]
    gateway = bridge.gateway(engine)
    # On Linux, containers need a bridge. On other platforms, the engine forwards connections to this machine.
    with bridge.bridge(gateway or ports.HOST, [(ports.ANY_PORT, target) for target in targets]) as bridged:
        env_file = tmp_path_factory.mktemp("sam-local") / ENV_FILE.name
        env_file.write_text(_with_ports(bridged if gateway else targets))
        yield SamLocal(_flags(env_file, gateway), env.tool_env(stack.aws_endpoint, {}, engine))


@pytest.fixture
def containers_api(sam_local: SamLocal, tmp_path: Path) -> Iterator[Client]:
    """Return a client of `sam local start-api`."""
    port, log = ports.pick_port(ports.ANY_PORT, "sam local"), tmp_path / "start-api.log"
    process = sam_local.start_api(port, log)
    try:
        _wait_until_listening(process, port, log)
        yield Client(f"http://{ports.HOST}:{port}")
    finally:
        process.terminate()
        process.wait(60)


def test_the_env_file_matches_the_outputs_of_the_local_stack(stack: Stack) -> None:
    outputs, variables = stack.outputs(), json.loads(ENV_FILE.read_text())["Parameters"]
    assert variables == {
        "AWS_ENDPOINT_URL": f"http://{HOST}:{DEFAULT_PORTS[EMULATOR]}",
        "AWS_ENDPOINT_URL_REKOGNITION": f"http://{HOST}:{DEFAULT_PORTS[REKOGNITION]}",
        "COUNTERS_TABLE": outputs["CountersTable"],
        "EVENT_BUS": outputs["EventBus"],
        "IMAGES_BUCKET": outputs["ImagesBucket"],
        "IMAGES_TABLE": outputs["ImagesTable"],
        "MAX_WAIT_SECONDS": "25",
        "REQUESTS_TABLE": outputs["RequestsTable"],
        "SCAN_QUEUE_URL": f"http://{HOST}:{DEFAULT_PORTS[EMULATOR]}{httpx.URL(outputs['ScanQueueUrl']).path}",
    }


def test_a_bridge_forwards_to_the_emulator(stack: Stack) -> None:
    with bridge.bridge(ports.HOST, [(ports.ANY_PORT, httpx.URL(stack.aws_endpoint).port or 0)]) as [port]:
        assert httpx.get(f"http://{ports.HOST}:{port}/_ministack/health").is_success


def test_start_api_serves_post_and_get(containers_api: Client, api: Client, fresh_image: Path) -> None:
    submitted = containers_api.post(question(fresh_image))
    assert (submitted.status_code, submitted.json()["status"]) == (202, "pending")
    scanned = api.wait(submitted.json())
    response = containers_api.get(scanned["request_id"])
    assert (response.status_code, response.json()["label_matched"]) == (200, True)


API_FUNCTIONS = [
    ("SubmitFunction", "submit-cat", {200, 202}),
    ("StatusFunction", "status-unknown", {404}),
    ("AskFollowUpFunction", "ask-unknown-request", {404}),
    ("ListRequestsFunction", "list-requests", {200}),
    ("DeleteFunction", "delete-unknown", {404}),
    ("StatsFunction", "stats", {200}),
]
EVENT_FUNCTIONS = {"ScannerFunction", "EventPublisherFunction", "SweeperFunction", "PurgerFunction"}


def test_these_tests_invoke_every_function() -> None:
    assert {function for function, _, _ in API_FUNCTIONS} | EVENT_FUNCTIONS == set(Template({}).functions)


@pytest.mark.parametrize(("function", "event", "status"), API_FUNCTIONS)
def test_invoke_handles_an_api_request(sam_local: SamLocal, function: str, event: str, status: set[int]) -> None:
    assert sam_local.invoke(function, event)["statusCode"] in status


def test_invoke_scans_each_image_of_a_batch_once_and_returns_only_malformed_messages(
    sam_local: SamLocal, stack: Stack, api: Client, samples: Path, rekognition: RekognitionControl
) -> None:
    cat, _ = api.ask(samples / "cat.jpg"), api.ask(samples / "rocket.jpg")
    _make_unscanned(stack, cat, (samples / "cat.jpg").read_bytes())
    rekognition.reset()
    malformed = json.loads((EVENTS / "scanner-batch.json").read_text())["Records"][-1]["messageId"]
    result = sam_local.invoke("ScannerFunction", "scanner-batch")
    assert result == {"batchItemFailures": [{"itemIdentifier": malformed}]}
    assert rekognition.calls()["by_image"] == {cat["image_hash"]: 1}


def test_invoke_publishes_finished_requests(sam_local: SamLocal) -> None:
    assert sam_local.invoke("EventPublisherFunction", "stream-records") == {"batchItemFailures": []}


def test_invoke_runs_the_sweeper(sam_local: SamLocal) -> None:
    report = sam_local.invoke("SweeperFunction", "sweeper-schedule")
    assert report["is_complete"]


def test_invoke_runs_the_purger(sam_local: SamLocal) -> None:
    report = sam_local.invoke("PurgerFunction", "purger-schedule")
    assert report["is_complete"]


def _exported_by(command: str) -> dict[str, str]:
    printed = subprocess.run([command], stdout=subprocess.PIPE, text=True, check=True).stdout  # noqa: S603 - the user's own command
    exported = [line.removeprefix("export ") for line in printed.splitlines()]
    return dict(variable.split("=", 1) for variable in exported)


def _listener(socket_path: str) -> psutil.Process:
    """Return the process that listens on a Unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(socket_path)
        pid, _, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return psutil.Process(pid)


def _flags(env_file: Path, gateway: str | None) -> list[str]:
    skip_pull = ["--skip-pull-image"] if "SAM_LOCAL_ENGINE" in os.environ else []
    add_host = ["--add-host", f"{HOST}:{gateway}"] if gateway else []
    return [
        *["--template-file", str(sam.build() / "template.yaml")],
        *["--env-vars", str(env_file)],
        *["--parameter-overrides", f"Architecture={sam.architecture()}"],
        *skip_pull,
        *add_host,
    ]


def _with_ports(ports_in_use: list[int]) -> str:
    text = ENV_FILE.read_text()
    for default, port in zip((DEFAULT_PORTS[EMULATOR], DEFAULT_PORTS[REKOGNITION]), ports_in_use, strict=True):
        text = text.replace(f"{HOST}:{default}", f"{HOST}:{port}")
    return text


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not _is_listening(port):
        if process.poll() is not None or time.monotonic() > end:
            pytest.fail(log.read_text())
        time.sleep(0.2)


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((ports.HOST, port)) == 0


def _make_unscanned(stack: Stack, image: RequestJson, content: bytes) -> None:
    """Delete the items of the image and of its content, and store its bytes as an operator does.

    They are scanned although no request needs them.
    """
    bucket, key = stack.outputs()["ImagesBucket"], f"images/{image['image_hash']}.jpg"
    stack.client("s3").put_object(Bucket=bucket, Key=key, Body=content, ChecksumAlgorithm="SHA256")
    time.sleep(5)  # the deployed scanner receives the event and finds the image scanned
    table = stack.outputs()["ImagesTable"]
    for item in (image["image_hash"], f"contents/{image['content_hash']}"):
        stack.client("dynamodb").delete_item(TableName=table, Key={"image_hash": {"S": item}})
