"""Runs the real handlers on moto and counts what AWS charges for: requests, capacity units, bytes and GB-seconds."""

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

from benchmarks.capacity import Row, indexes, units_of_read, units_of_write
from imagescan.runtime.log import logger
from testing.functions import module_of
from testing.moto_environment import MotoEnvironment
from testing.recording_transport import RecordingTransport
from testing.resources import COUNTERS, IMAGES, REQUESTS, TEMPLATE
from testing.wire_messages import body_of

type Units = Counter[str]

# What a service takes to answer, in seconds: assumed, from within its region, as no AWS is asked here.
SECONDS = {
    "GetItem": 0.004,
    "BatchGetItem": 0.010,
    "Query": 0.006,
    "PutItem": 0.007,
    "UpdateItem": 0.007,
    "TransactWriteItems": 0.015,
    "PutObject": 0.045,
    "HeadObject": 0.015,
    "DetectLabels": 0.400,
    "PutEvents": 0.015,
}
CPU_OF_A_CALL = 0.0005  # seconds; assumed for the socket and TLS, which no call goes through here
MB_OF_A_VCPU = 1769  # the memory with which Lambda gives a function one whole processor
BYTES_BESIDE_A_LINE = 26  # CloudWatch Logs counts them for each line
LINES_OF_LAMBDA = (  # written by Lambda itself at each invocation, in the text format from level INFO
    "START RequestId: 8286a188-ba32-4475-8077-530cd35c09a9 Version: 12\n",
    "END RequestId: 8286a188-ba32-4475-8077-530cd35c09a9\n",
    (
        "REPORT RequestId: 8286a188-ba32-4475-8077-530cd35c09a9\tDuration: 51.25 ms\tBilled Duration: 52 ms\t"
        "Memory Size: 512 MB\tMax Memory Used: 118 MB\t\n"
    ),
)
# Rekognition fetches the object on the caller's bill.
OBJECT_REQUESTS = {"PutObject": "s3.put", "HeadObject": "s3.get", "GetObject": "s3.get", "DetectLabels": "s3.get"}
_STREAMED = {IMAGES: "ImagesTable", REQUESTS: "RequestsTable"}


@dataclass
class Heard:
    """What DynamoDB answered, and the processor's seconds that went into all answering."""

    answers: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    spent: list[float] = field(default_factory=list)


@contextmanager
def _listening(transport: RecordingTransport) -> Iterator[Heard]:
    heard, answer = Heard(), transport.answer

    def listened(event_name: str, service: str, operation: str, request: AWSPreparedRequest) -> AWSResponse | None:
        began = time.thread_time()
        answered = answer(event_name, service, operation, request)
        if service == "dynamodb" and answered:
            heard.answers.append((operation, json.loads(answered.content)))
        heard.spent.append(time.thread_time() - began)
        return answered

    with patch.object(transport, "answer", listened):
        yield heard


@dataclass
class Invocations:
    """How often a handler was called, and the processor's seconds that it took itself."""

    count: int = 0
    cpu: float = 0.0


@dataclass(frozen=True)
class Meter:
    """Counts what is done in ``world``."""

    env: MotoEnvironment
    seen: Counter[str] = field(default_factory=Counter)

    def units(self, function: str, act: Callable[[], object], *, at_once: int = 1) -> Units:
        """What the function costs while ``act`` calls it; so many of an invocation's calls are under way at once."""
        transport = self.env.wire
        self._changes()
        transport.reset()
        logger.remove_keys(["api_request_id", "request_id"])  # each function has a process of its own on AWS
        with _logged() as log, _listening(transport) as heard, _watched(function, heard) as invocations:
            act()
        calls = Counter(transport.calls)
        units = Counter({OBJECT_REQUESTS[call]: 0 for call in calls if call in OBJECT_REQUESTS})
        for call, times in calls.items():
            if call in OBJECT_REQUESTS:
                units[OBJECT_REQUESTS[call]] += times
        return units + Counter(
            {
                "lambda.requests": invocations.count,
                "lambda.gb_seconds": _gb_seconds(function, calls, invocations.cpu, at_once),
                "logs.bytes": _log_bytes(log.getvalue(), function, invocations.count),
                "dynamodb.read": sum(_units_read(*answer) for answer in heard.answers),
                "dynamodb.write": self._units_written(calls),
                "eventbridge.events": self._events(),
            }
        )

    def _units_written(self, calls: Counter[str]) -> int:
        """By the tables' streams, which hold each row before and after; the counters, which have none, by their row."""
        changes = self._changes()
        if len(changes) != calls["PutItem"] + calls["UpdateItem"]:
            raise RuntimeError(f"{len(changes)} changes do not tell of {calls}")
        of_table = {table: indexes(TEMPLATE.properties(resource)) for table, resource in _STREAMED.items()}
        written = sum(units_of_write(before, after, of_table[table]) for table, before, after in changes)
        of_a_counter = max((units_of_write(None, row) for row in self.env.resources.rows(COUNTERS)), default=0)
        return written + 2 * of_a_counter * calls["TransactWriteItems"]  # a transaction costs double

    def _changes(self) -> list[tuple[str, Row | None, Row | None]]:
        """What changed since this was asked last."""
        found = []
        for table in _STREAMED:
            records = self.env.streams.records(table)[self.seen[table] :]
            self.seen[table] += len(records)
            images = [record["dynamodb"] for record in records]
            found += [
                (table, change.get("OldImage"), change["NewImage"])
                for change in images
                if change["NewImage"].keys() != change["Keys"].keys()  # moto tells apart that an update made the row
            ]
        return found

    def _events(self) -> int:
        calls = zip(self.env.transport.calls, self.env.transport.sent, strict=True)
        return sum(len(json.loads(body_of(sent))["Entries"]) for call, sent in calls if call == "PutEvents")


@contextmanager
def _watched(function: str, heard: Heard) -> Iterator[Invocations]:
    """Counts the calls of the function's handler, and what it takes beside the answering."""
    found, module = Invocations(), module_of(function)
    handler = module.lambda_handler

    def watched(*arguments: Any) -> Any:
        began, answering = time.process_time(), sum(heard.spent)
        result = handler(*arguments)
        found.count += 1
        found.cpu += time.process_time() - began - (sum(heard.spent) - answering)
        return result

    with patch.object(module, "lambda_handler", watched):
        yield found


@contextmanager
def _logged() -> Iterator[StringIO]:
    """Everything that is logged and printed."""
    text = StringIO()
    handlers = [each for each in logging.getLogger(logger.name).handlers if isinstance(each, logging.StreamHandler)]
    before = [each.setStream(text) for each in handlers]
    with redirect_stdout(text):
        yield text
    for each, stream in zip(handlers, before, strict=True):
        each.setStream(stream)


def _gb_seconds(function: str, calls: Counter[str], cpu: float, at_once: int) -> float:
    """Processor and waiting one after the other: with less than one processor they overlap little."""
    memory = int(TEMPLATE.setting(function, "MemorySize"))
    waiting = sum(SECONDS[call] * times for call, times in calls.items()) / at_once
    working = (cpu + CPU_OF_A_CALL * calls.total()) * MB_OF_A_VCPU / memory
    return memory / 1024 * (waiting + working)


def _log_bytes(written: str, function: str, invocations: int) -> int:
    config = TEMPLATE.setting(function, "LoggingConfig")
    is_quiet = config["LogFormat"] == "JSON" and config["SystemLogLevel"] == "WARN"
    by_lambda = () if is_quiet else LINES_OF_LAMBDA
    lines = [*written.splitlines(keepends=True), *by_lambda * invocations]
    return sum(len(line.encode()) + BYTES_BESIDE_A_LINE for line in lines)


def _units_read(operation: str, answer: dict[str, Any]) -> float:
    if operation == "GetItem":
        return units_of_read([answer["Item"]] if "Item" in answer else [], strong=True)
    if operation == "BatchGetItem":  # each row by itself
        return sum(units_of_read([row], strong=True) for rows in answer["Responses"].values() for row in rows)
    return units_of_read(answer["Items"], strong=False) if operation == "Query" else 0
