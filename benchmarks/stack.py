"""Row 10: the deployed local stack with the scanner, against the same with a scanner that does nothing."""

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
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.answers import LABELS
from benchmarks.figure import Figure
from local.client import Client
from local.control import RekognitionControl
from local.stack import ANY_PORTS, Stack
from testing.images import png
from tools import sam

ROUNDS = 6
IMAGES = 24
CLIENTS = 2  # more of them wait for the emulator, which does one thing at a time
SECONDS_BETWEEN_POLLS = 0.05
PATIENCE = 60

# It notes what it was handed, for nothing else would tell that it ran.
_NO_OP = """def lambda_handler(event, context):
    with open({noted!r}, "a") as file:
        file.writelines(record["body"] + chr(10) for record in event["Records"])
    return {{"batchItemFailures": []}}
"""

_shades = itertools.count(time.time_ns())
type Answered = Callable[[dict[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Round:
    """Median of the seconds from a POST to its answer, and images a second."""

    to_answer: float
    rate: float


def measure() -> Iterator[Figure]:
    """By turns, so that whatever slows the machine slows both; medians."""
    with _stack() as stack, tempfile.NamedTemporaryFile() as noted:
        RekognitionControl(stack.rekognition_url).set_latency(0, LABELS)
        client, mapping = Client(stack.api_url), Mapping(stack, Path(noted.name))
        ways: dict[str, Answered] = {
            mapping.scanner: lambda told: bool(told["status"] == "completed"),
            mapping.no_op: lambda told: told["image_hash"] in Path(noted.name).read_text(),
        }
        rounds: dict[str, list[Round]] = {function: [] for function in ways}
        for at in range(ROUNDS + 1):
            for function, answered in ways.items():
                mapping.point_to(function)
                measured = _round(client, answered)
                rounds[function] += [measured] if at else []  # the first starts the functions
    own, floor = rounds.values()
    yield Figure(10, "images a second on the local stack", *_both("rate", own, floor), 0.8, "/s", at_least=True)
    yield Figure(10, "POST to answer on the local stack", *_both("to_answer", own, floor), 1.25, "s")


def _both(name: str, own: Sequence[Round], floor: Sequence[Round]) -> tuple[float, float]:
    return median(getattr(each, name) for each in own), median(getattr(each, name) for each in floor)


class Mapping:
    """The event source mapping of the scan queue, which may be pointed to another function; its settings stay."""

    def __init__(self, stack: Stack, noted: Path) -> None:
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
        code = {"ZipFile": _zipped(_NO_OP.format(noted=str(noted)))}
        self._lambda.create_function(FunctionName=self.no_op, Handler="no_op.lambda_handler", Code=code, **settings)
        mappings = self._lambda.list_event_source_mappings()["EventSourceMappings"]
        [self._id] = [each["UUID"] for each in mappings if self.scanner in each["FunctionArn"]]

    def point_to(self, function: str) -> None:
        """From now on it invokes this one."""
        self._lambda.update_event_source_mapping(UUID=self._id, FunctionName=function)


def _round(client: Client, answered: Answered) -> Round:
    """Each client posts its next image when the last one is answered."""
    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        took = list(pool.map(lambda _: _seconds(client, answered), range(IMAGES)))
    return Round(median(took), IMAGES / (time.monotonic() - began))


def _seconds(client: Client, answered: Answered) -> float:
    """From a POST to its answer. Raises TimeoutError when none comes."""
    began = time.monotonic()
    told = _post(client)
    while time.monotonic() < began + PATIENCE:
        time.sleep(SECONDS_BETWEEN_POLLS)
        told = client.get(told["request_id"]).raise_for_status().json()
        if answered(told):
            return time.monotonic() - began
    raise TimeoutError(f"no answer after {PATIENCE} s: {told}")


def _post(client: Client) -> dict[str, Any]:
    content = png(80, 80, shade=next(_shades))
    body = {"file": b64encode(content).decode(), "fileType": "image/png"}
    told: dict[str, Any] = client.post(body).raise_for_status().json()
    return told


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
