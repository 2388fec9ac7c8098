"""Run a function in a warm execution environment: one process that handles one event at a time.

``FakeAws`` answers DynamoDB, S3 and SQS inside the process, so that no emulator's time is measured. Only Rekognition is
a separate server.
"""

import importlib
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Self

from benchmarks.fake_aws import FakeAws
from imagescan.aws import clients
from testing.functions import Context
from testing.resources import TEMPLATE
from tools.env import EMULATOR_CREDENTIALS

_CONTEXT = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Invocation:
    """Result of one event. ``delays`` are the visibility timeouts that the handler set, by receipt handle."""

    result: Any
    wall_seconds: float
    delays: Mapping[str, int]


class ExecutionEnvironment:
    """Context manager that runs the handler of a function in a process."""

    def __init__(self, function: str, rekognition_url: str) -> None:
        self._connection, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_serve, args=(theirs, function, rekognition_url), daemon=True)
        self._process.start()
        theirs.close()

    def invoke(self, event: Mapping[str, Any]) -> Invocation:
        """Handle one event. Raise EOFError if the process exits."""
        self._connection.send(event)
        invocation: Invocation = self._connection.recv()
        return invocation

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._process.join()


def load_handler(function: str) -> Callable[[Any, Any], Any]:
    """Return the handler of the function in this process, and discard its output."""
    os.environ.update(TEMPLATE.environment(function) | EMULATOR_CREDENTIALS)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    module, _, name = TEMPLATE.handler(function).rpartition(".")
    handler: Callable[[Any, Any], Any] = getattr(importlib.import_module(module), name)
    return handler


def _serve(connection: Connection, function: str, rekognition_url: str) -> None:
    os.environ["AWS_ENDPOINT_URL_REKOGNITION"] = rekognition_url
    handler, delays = load_handler(function), _recorded_delays()
    fake_aws = FakeAws()
    for client in (clients.dynamodb(), clients.s3(), clients.sqs()):
        fake_aws.attach(client)
    while True:
        try:
            event = connection.recv()
        except EOFError:
            return
        delays.clear()
        started = time.perf_counter()
        result = handler(event, Context())
        connection.send(Invocation(result, time.perf_counter() - started, dict(delays)))


def _recorded_delays() -> dict[str, int]:
    """Return a dictionary that receives the visibility timeouts that the handler sets."""
    delays: dict[str, int] = {}

    def record(params: Any, **_: Any) -> None:
        delays.update({entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in params["Entries"]})

    clients.sqs().meta.events.register("provide-client-params.sqs.ChangeMessageVisibilityBatch", record)
    return delays
