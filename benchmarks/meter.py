"""Run the real handlers on moto and count what AWS charges for: requests, capacity units, bytes and GB-seconds."""

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from benchmarks.capacity import Item, indexes, read_units, write_units
from imagescan.runtime.log import logger
from testing.functions import handler_module
from testing.moto_environment import MotoEnvironment
from testing.recording_transport import RecordingTransport
from testing.resources import COUNTERS, IMAGES, REQUESTS, TEMPLATE
from testing.wire_messages import body_bytes

type Units = Counter[str]

# Assumed latency of each operation from within the region, in seconds. No call goes to AWS here.
LATENCY_SECONDS = {
    "GetItem": 0.004,
    "BatchGetItem": 0.010,
    "Query": 0.006,
    "PutItem": 0.007,
    "UpdateItem": 0.007,
    "TransactWriteItems": 0.015,
    "PutObject": 0.045,
    "GetObject": 0.030,
    "DetectLabels": 0.400,
    "DetectModerationLabels": 0.400,
    "DetectText": 0.600,
    "PutEvents": 0.015,
}
CPU_SECONDS_PER_CALL = 0.0005  # assumed for the socket and TLS, which no call uses here
MB_PER_VCPU = 1769  # memory size at which Lambda provides one full vCPU
OVERHEAD_BYTES_PER_LINE = 26  # CloudWatch Logs adds them to each line
LAMBDA_LINES = (  # Lambda writes them for each invocation, in the text format or from level INFO
    "START RequestId: 8286a188-ba32-4475-8077-530cd35c09a9 Version: 12\n",
    "END RequestId: 8286a188-ba32-4475-8077-530cd35c09a9\n",
    (
        "REPORT RequestId: 8286a188-ba32-4475-8077-530cd35c09a9\tDuration: 51.25 ms\tBilled Duration: 52 ms\t"
        "Memory Size: 512 MB\tMax Memory Used: 118 MB\t\n"
    ),
)
OBJECT_REQUESTS = {
    "PutObject": "s3.put",
    "GetObject": "s3.get",
    # the GET that Rekognition makes is charged to the bucket's account
    "DetectLabels": "s3.get",
    "DetectModerationLabels": "s3.get",
    "DetectText": "s3.get",
}
_TABLES_WITH_STREAM = {IMAGES: "ImagesTable", REQUESTS: "RequestsTable"}


@dataclass
class RecordedCalls:
    """The calls of DynamoDB (operation, parameters, response), and the CPU seconds of the fakes for each response."""

    dynamodb: list[tuple[str, dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    fake_cpu: list[float] = field(default_factory=list)


@contextmanager
def _recording(transport: RecordingTransport) -> Iterator[RecordedCalls]:
    recorded, answer = RecordedCalls(), transport.respond

    def record(event_name: str, service: str, operation: str, request: AWSPreparedRequest) -> AWSResponse | None:
        started = time.thread_time()
        response = answer(event_name, service, operation, request)
        if service == "dynamodb" and response:
            recorded.dynamodb.append((operation, json.loads(body_bytes(request)), json.loads(response.content)))
        recorded.fake_cpu.append(time.thread_time() - started)
        return response

    with patch.object(transport, "respond", record):
        yield recorded


@dataclass
class Invocations:
    """Number of calls of a handler, and the CPU seconds that it used without the fakes."""

    count: int = 0
    cpu: float = 0.0


@dataclass(frozen=True)
class Meter:
    """Counts the usage in an environment. ``seen`` is the number of stream records already counted, by table."""

    env: MotoEnvironment
    seen: Counter[str] = field(default_factory=Counter)

    def units(self, function: str, act: Callable[[], object], *, concurrency: int = 1) -> Units:
        """Return the usage of the function while ``act`` calls it.

        ``concurrency`` is the number of calls that an invocation makes at the same time.
        """
        transport = self.env.transport
        self._changes()
        transport.reset()
        logger.remove_keys(["api_request_id", "request_id"])  # on AWS, each function has its own process
        with _captured_log() as log, _recording(transport) as recorded, _counting(function, recorded) as invocations:
            act()
        calls = Counter(transport.calls)
        units = Counter({OBJECT_REQUESTS[call]: 0 for call in calls if call in OBJECT_REQUESTS})
        for call, times in calls.items():
            if call in OBJECT_REQUESTS:
                units[OBJECT_REQUESTS[call]] += times
        return units + Counter(
            {
                "lambda.requests": invocations.count,
                "lambda.gb_seconds": _gb_seconds(function, calls, invocations.cpu, concurrency),
                "logs.bytes": _log_bytes(log.getvalue(), function, invocations.count),
                "dynamodb.read": sum(_units_read(*call) for call in recorded.dynamodb),
                "dynamodb.write": self._units_written(calls),
                "eventbridge.events": self._events(),
            }
        )

    def _units_written(self, calls: Counter[str]) -> int:
        """Count write units from the streams, which contain each item before and after a write.

        The counters table has no stream, so its units are computed from the item.
        """
        changes = self._changes()
        if len(changes) != calls["PutItem"] + calls["UpdateItem"]:
            raise RuntimeError(f"{len(changes)} stream records do not match the calls {calls}")
        table_indexes = {
            table: indexes(TEMPLATE.properties(resource)) for table, resource in _TABLES_WITH_STREAM.items()
        }
        written = sum(write_units(before, after, table_indexes[table]) for table, before, after in changes)
        per_counter = max((write_units(None, item) for item in self.env.resources.items(COUNTERS)), default=0)
        return written + 2 * per_counter * calls["TransactWriteItems"]  # a transaction costs twice as much

    def _changes(self) -> list[tuple[str, Item | None, Item | None]]:
        """Return table, old item and new item of each write since the last call."""
        found = []
        for table in _TABLES_WITH_STREAM:
            records = self.env.streams.records(table)[self.seen[table] :]
            self.seen[table] += len(records)
            images = [record["dynamodb"] for record in records]
            found += [
                (table, change.get("OldImage"), change["NewImage"])
                for change in images
                if change["NewImage"].keys()
                != change["Keys"].keys()  # moto emits a separate record when an update creates the item
            ]
        return found

    def _events(self) -> int:
        calls = zip(self.env.transport.calls, self.env.transport.requests, strict=True)
        return sum(len(json.loads(body_bytes(sent))["Entries"]) for call, sent in calls if call == "PutEvents")


@contextmanager
def _counting(function: str, recorded: RecordedCalls) -> Iterator[Invocations]:
    """Count the calls of the handler and its CPU time without the fakes."""
    found, module = Invocations(), handler_module(function)
    handler = module.lambda_handler

    def counted(*arguments: Any) -> Any:
        started, fakes = time.process_time(), sum(recorded.fake_cpu)
        result = handler(*arguments)
        found.count += 1
        found.cpu += time.process_time() - started - (sum(recorded.fake_cpu) - fakes)
        return result

    with patch.object(module, "lambda_handler", counted):
        yield found


@contextmanager
def _captured_log() -> Iterator[StringIO]:
    """Capture everything that is logged and printed."""
    text = StringIO()
    handlers = [each for each in logging.getLogger(logger.name).handlers if isinstance(each, logging.StreamHandler)]
    before = [each.setStream(text) for each in handlers]
    with redirect_stdout(text):
        yield text
    for each, stream in zip(handlers, before, strict=True):
        each.setStream(stream)


def _gb_seconds(function: str, calls: Counter[str], cpu: float, concurrency: int) -> float:
    """Return GB-seconds. CPU time and waiting are added, because they overlap little on less than one vCPU."""
    memory = int(TEMPLATE.setting(function, "MemorySize"))
    waiting = sum(LATENCY_SECONDS[call] * times for call, times in calls.items()) / concurrency
    working = (cpu + CPU_SECONDS_PER_CALL * calls.total()) * MB_PER_VCPU / memory
    return memory / 1024 * (waiting + working)


def _log_bytes(written: str, function: str, invocations: int) -> int:
    config = TEMPLATE.setting(function, "LoggingConfig")
    is_quiet = config["LogFormat"] == "JSON" and config["SystemLogLevel"] == "WARN"
    lambda_lines = () if is_quiet else LAMBDA_LINES
    lines = [*written.splitlines(keepends=True), *lambda_lines * invocations]
    return sum(len(line.encode()) + OVERHEAD_BYTES_PER_LINE for line in lines)


def _units_read(operation: str, parameters: dict[str, Any], response: dict[str, Any]) -> float:
    if operation == "GetItem":
        return read_units([response["Item"]] if "Item" in response else [], strong=True)
    if operation == "BatchGetItem":  # each key is charged separately, also if there is no item
        found = [item for items in response["Responses"].values() for item in items]
        missing = sum(len(each["Keys"]) for each in parameters["RequestItems"].values()) - len(found)
        return sum(read_units([item], strong=True) for item in found) + missing * read_units([], strong=True)
    return read_units(response["Items"], strong=False) if operation == "Query" else 0
