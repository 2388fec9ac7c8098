"""Benchmark ``end-to-end``.

Measures: images per second and the time from POST to answer on the deployed local stack, with 2 clients and 24 images
per round, median of 6 rounds. Clients poll every 50 ms, or send ``Prefer: wait``.
Baseline: the same stack with a no-op function on the event source mapping of the scan queue. For clients that wait,
clients that poll.
Target: at least 0.8 of the images per second, at most 1.25 of the time from POST to answer, and at most 1.1 of that
time for clients that wait.
"""

import io
import itertools
import os
import shutil
import tempfile
import time
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.fake_aws import LABELS
from benchmarks.measurement import Measurement
from local.client import Client
from local.control import RekognitionControl
from local.stack import ANY_PORTS, Stack
from testing.images import png
from tools import sam

ROUNDS = 6
IMAGES = 24
CLIENTS = 2  # more clients would only wait for the emulator, which handles one call at a time
SECONDS_BETWEEN_POLLS = 0.05
TIMEOUT_SECONDS = 60
MAX_WAIT_SECONDS = 25

# The no-op function records its messages in a file, because nothing else shows that it ran.
_NO_OP = """def lambda_handler(event, context):
    with open({record_file!r}, "a") as file:
        file.writelines(record["body"] + chr(10) for record in event["Records"])
    return {{"batchItemFailures": []}}
"""

_shades = itertools.count(time.time_ns())
type Answered = Callable[[dict[str, Any]], bool]
type Ask = Callable[[Client], float]


@dataclass(frozen=True, slots=True)
class Round:
    """Median seconds from POST to answer, and images per second."""

    to_answer: float
    rate: float


def measure() -> Iterator[Measurement]:
    """Alternate the rounds, so that other load on the machine affects both, and compare medians."""
    with _stack() as stack, tempfile.NamedTemporaryFile() as record_file:
        RekognitionControl(stack.rekognition_url).set_latency(0, LABELS)
        client, mapping = Client(stack.api_url), Mapping(stack, Path(record_file.name))
        kinds: list[tuple[str, Ask]] = [
            (mapping.scanner, partial(_poll, answered=lambda body: bool(body["status"] == "completed"))),
            (mapping.scanner, _wait),
            (
                mapping.no_op,
                partial(_poll, answered=lambda body: body["image_hash"] in Path(record_file.name).read_text()),
            ),
        ]
        rounds: list[list[Round]] = [[] for _ in kinds]
        for at in range(ROUNDS + 1):
            for (function, ask), measured in zip(kinds, rounds, strict=True):
                mapping.point_to(function)
                each = _round(client, ask)
                measured.extend([each] if at else [])  # the first round starts the functions
    with_scanner, waiting, with_no_op = rounds
    yield Measurement(
        "end-to-end", "images per second", *_medians("rate", with_scanner, with_no_op), 0.8, "/s", at_least=True
    )
    yield Measurement("end-to-end", "POST to answer", *_medians("to_answer", with_scanner, with_no_op), 1.25, "s")
    yield Measurement("end-to-end", "POST to answer, waiting", *_medians("to_answer", waiting, with_scanner), 1.1, "s")


def _medians(name: str, own: Sequence[Round], baseline: Sequence[Round]) -> tuple[float, float]:
    return median(getattr(each, name) for each in own), median(getattr(each, name) for each in baseline)


class Mapping:
    """Event source mapping of the scan queue. It can invoke another function with the same settings."""

    def __init__(self, stack: Stack, record_file: Path) -> None:
        self._lambda = stack.client("lambda")
        resource = stack.client("cloudformation").describe_stack_resource(
            StackName=sam.STACK_NAME, LogicalResourceId="ScannerFunction"
        )
        self.scanner = str(resource["StackResourceDetail"]["PhysicalResourceId"])
        self.no_op = f"{self.scanner}-no-op"
        own = self._lambda.get_function_configuration(FunctionName=self.scanner)
        settings = {
            name: own[name] for name in ("Runtime", "Role", "MemorySize", "Timeout", "Architectures") if name in own
        }
        code = {"ZipFile": _zipped(_NO_OP.format(record_file=str(record_file)))}
        self._lambda.create_function(FunctionName=self.no_op, Handler="no_op.lambda_handler", Code=code, **settings)
        mappings = self._lambda.list_event_source_mappings()["EventSourceMappings"]
        [self._id] = [each["UUID"] for each in mappings if self.scanner in each["FunctionArn"]]

    def point_to(self, function: str) -> None:
        """Make the mapping invoke this function."""
        self._lambda.update_event_source_mapping(UUID=self._id, FunctionName=function)


def _round(client: Client, ask: Ask) -> Round:
    """Let each client post its next image as soon as the previous one is answered."""
    started = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        durations = list(pool.map(lambda _: ask(client), range(IMAGES)))
    return Round(median(durations), IMAGES / (time.monotonic() - started))


def _wait(client: Client) -> float:
    """Return the seconds until a POST, which the service holds, returns the answer. Raise TimeoutError without one."""
    started = time.monotonic()
    body = _post(client, wait_seconds=MAX_WAIT_SECONDS)
    if body["status"] != "completed":
        raise TimeoutError(f"No answer after {MAX_WAIT_SECONDS} s: {body}")
    return time.monotonic() - started


def _poll(client: Client, answered: Answered) -> float:
    """Return the seconds from a POST to its answer. Raise TimeoutError if there is none."""
    started = time.monotonic()
    body = _post(client)
    while time.monotonic() < started + TIMEOUT_SECONDS:
        time.sleep(SECONDS_BETWEEN_POLLS)
        body = client.get(body["request_id"]).raise_for_status().json()
        if answered(body):
            return time.monotonic() - started
    raise TimeoutError(f"No answer after {TIMEOUT_SECONDS} s: {body}")


def _post(client: Client, wait_seconds: int | None = None) -> dict[str, Any]:
    content = png(80, 80, shade=next(_shades), pixels=True)
    body = {"file": b64encode(content).decode(), "fileType": "image/png"}
    response: dict[str, Any] = client.post(body, wait_seconds=wait_seconds).raise_for_status().json()
    return response


def _zipped(source: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("no_op.py", source)
    return target.getvalue()


@contextmanager
def _stack() -> Iterator[Stack]:
    stack = Stack(f"bench-{os.getpid()}", ANY_PORTS)
    try:
        stack.up()
        yield stack
    finally:
        stack.down()
        shutil.rmtree(stack.home, ignore_errors=True)
