"""The functions in real containers, as `sam local` runs them, against the local stack."""

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

from local import bridge, environments, paths, ports, sam
from local.client import Client, question
from local.control import RekognitionControl
from local.say import Trouble
from local.stack import EMULATOR, REKOGNITION, USUAL_PORTS, Stack
from testing.template import Template

EVENTS = paths.ROOT / "events"
ENV_FILE = EVENTS / "env.json"
HOST = "host.docker.internal"


@dataclass(frozen=True)
class SamLocal:
    """Runs `sam local` with these flags and environment variables."""

    flags: list[str]
    environment: Mapping[str, str]

    def invoke(self, function: str, event: str) -> Any:
        """What the function returned for a file in events/."""
        command = self._command("invoke", function, "--event", str(EVENTS / f"{event}.json"))
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start_api(self, port: int, log: Path) -> subprocess.Popen[bytes]:
        """The server of `sam local start-api`."""
        with log.open("wb") as output:
            command = self._command("start-api", "--port", str(port))
            return subprocess.Popen(command, env=self.environment, stderr=output)  # noqa: S603 - our own

    def _command(self, *arguments: str) -> list[str]:
        return [str(paths.SAM_PYTHON), "-m", "samcli", "local", *arguments, *self.flags]


@pytest.fixture(scope="module")
def engine() -> Iterator[Mapping[str, str]]:
    """The variables by which a container engine is found; SAM_LOCAL_ENGINE names a command that starts one."""
    command, ran_before = os.environ.get("SAM_LOCAL_ENGINE"), set(psutil.pids())
    try:
        variables = {**os.environ, **(_exported_by(command) if command else {})}
        bridge.gateway(variables)
    except (Trouble, subprocess.CalledProcessError) as trouble:
        if "GITHUB_ACTIONS" in os.environ:  # there is an engine on each of its machines
            raise
        pytest.skip(f"NOTHING WAS RUN IN A CONTAINER: {trouble}")
    yield variables
    # an engine that ran before is somebody else's
    if command and (started := _listener(variables["DOCKER_HOST"].removeprefix("unix://"))).pid not in ran_before:
        started.terminate()
        started.wait(60)


@pytest.fixture(scope="module")
def sam_local(stack: Stack, engine: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[SamLocal]:
    """`sam local` with the checked-in environment file, but for the ports, which are this stack's own."""
    targets = [httpx.URL(url).port or 0 for url in (stack.aws_endpoint, stack.rekognition_url)]
    gateway = bridge.gateway(engine)
    # On Linux the containers come over a bridge; elsewhere the engine itself takes them to the servers.
    with bridge.bridge(gateway or ports.HOST, [(ports.ANY, target) for target in targets]) as bridged:
        env_file = tmp_path_factory.mktemp("sam-local") / ENV_FILE.name
        env_file.write_text(_with_ports(bridged if gateway else targets))
        yield SamLocal(_flags(env_file, gateway), environments.for_tool(stack.aws_endpoint, {}, engine))


@pytest.fixture
def containers_api(sam_local: SamLocal, tmp_path: Path) -> Iterator[Client]:
    """A client of `sam local start-api`."""
    port, log = ports.choose(ports.ANY, "sam local"), tmp_path / "start-api.log"
    process = sam_local.start_api(port, log)
    try:
        _wait_until_it_listens(process, port, log)
        yield Client(f"http://{ports.HOST}:{port}")
    finally:
        process.terminate()
        process.wait(60)


def test_the_checked_in_env_file_names_what_the_local_stack_has(stack: Stack) -> None:
    outputs, places = stack.outputs(), json.loads(ENV_FILE.read_text())["Parameters"]
    assert places == {
        "AWS_ENDPOINT_URL": f"http://{HOST}:{USUAL_PORTS[EMULATOR]}",
        "AWS_ENDPOINT_URL_REKOGNITION": f"http://{HOST}:{USUAL_PORTS[REKOGNITION]}",
        "COUNTERS_TABLE": outputs["CountersTable"],
        "EVENT_BUS": outputs["EventBus"],
        "IMAGES_BUCKET": outputs["ImagesBucket"],
        "IMAGES_TABLE": outputs["ImagesTable"],
        "REQUESTS_TABLE": outputs["RequestsTable"],
        "SCAN_QUEUE_URL": f"http://{HOST}:{USUAL_PORTS[EMULATOR]}{httpx.URL(outputs['ScanQueueUrl']).path}",
    }


def test_a_bridge_leads_to_the_emulator(stack: Stack) -> None:
    with bridge.bridge(ports.HOST, [(ports.ANY, httpx.URL(stack.aws_endpoint).port or 0)]) as [port]:
        assert httpx.get(f"http://{ports.HOST}:{port}/_ministack/health").is_success


def test_a_post_and_a_get_are_answered_by_start_api(containers_api: Client, api: Client, fresh_picture: Path) -> None:
    submitted = containers_api.post(question(fresh_picture))
    assert (submitted.status_code, submitted.json()["status"]) == (202, "pending")
    scanned = api.wait(submitted.json())
    told = containers_api.get(scanned["request_id"])
    assert (told.status_code, told.json()["label_matched"]) == (200, True)


OF_THE_API = [
    ("SubmitFunction", "submit-cat", {200, 202}),
    ("StatusFunction", "status-unknown", {404}),
    ("AskFollowUpFunction", "ask-unknown-request", {404}),
    ("ListRequestsFunction", "list-requests", {200}),
    ("DeleteFunction", "delete-unknown", {404}),
    ("StatsFunction", "stats", {200}),
]
BY_THEMSELVES = {"ScannerFunction", "EventPublisherFunction", "SweeperFunction"}


def test_every_function_is_invoked_here() -> None:
    assert {function for function, _, _ in OF_THE_API} | BY_THEMSELVES == set(Template({}).functions)


@pytest.mark.parametrize(("function", "event", "status"), OF_THE_API)
def test_invoke_answers_a_request_of_the_api(sam_local: SamLocal, function: str, event: str, status: set[int]) -> None:
    assert sam_local.invoke(function, event)["statusCode"] in status


def test_invoke_scans_a_batch_once_and_gives_back_its_poison_alone(
    sam_local: SamLocal, stack: Stack, api: Client, samples: Path, rekognition: RekognitionControl
) -> None:
    cat, _ = api.ask(samples / "cat.jpg"), api.ask(samples / "rocket.jpg")
    _forget_scan(stack, cat["image_hash"])
    rekognition.reset()
    poison = json.loads((EVENTS / "scanner-batch.json").read_text())["Records"][-1]["messageId"]
    answer = sam_local.invoke("ScannerFunction", "scanner-batch")
    assert answer == {"batchItemFailures": [{"itemIdentifier": poison}]}
    assert rekognition.calls()["by_image"] == {cat["image_hash"]: 1}


def test_invoke_announces_what_ended(sam_local: SamLocal) -> None:
    assert sam_local.invoke("EventPublisherFunction", "stream-records") == {"batchItemFailures": []}


def test_invoke_runs_the_schedule(sam_local: SamLocal) -> None:
    swept = sam_local.invoke("SweeperFunction", "sweeper-schedule")
    assert swept["is_complete"]


def _exported_by(command: str) -> dict[str, str]:
    printed = subprocess.run([command], stdout=subprocess.PIPE, text=True, check=True).stdout  # noqa: S603 - the user's own
    exported = [line.removeprefix("export ") for line in printed.splitlines()]
    return dict(variable.split("=", 1) for variable in exported)


def _listener(socket_path: str) -> psutil.Process:
    """The process that answers at a Unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(socket_path)
        pid, _, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return psutil.Process(pid)


def _flags(env_file: Path, gateway: str | None) -> list[str]:
    pulled_by_hand = ["--skip-pull-image"] if "SAM_LOCAL_ENGINE" in os.environ else []
    known_host = ["--add-host", f"{HOST}:{gateway}"] if gateway else []
    return [
        *["--template-file", str(sam.build() / "template.yaml")],
        *["--env-vars", str(env_file)],
        *["--parameter-overrides", f"Architecture={sam.architecture()}"],
        *pulled_by_hand,
        *known_host,
    ]


def _with_ports(actual: list[int]) -> str:
    text = ENV_FILE.read_text()
    for usual, port in zip((USUAL_PORTS[EMULATOR], USUAL_PORTS[REKOGNITION]), actual, strict=True):
        text = text.replace(f"{HOST}:{usual}", f"{HOST}:{port}")
    return text


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not _listens(port):
        if process.poll() is not None or time.monotonic() > end:
            pytest.fail(log.read_text())
        time.sleep(0.2)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((ports.HOST, port)) == 0


def _forget_scan(stack: Stack, image_hash: str) -> None:
    """As if the image had never been scanned, although its bytes are there."""
    table = stack.outputs()["ImagesTable"]
    stack.client("dynamodb").delete_item(TableName=table, Key={"image_hash": {"S": image_hash}})
