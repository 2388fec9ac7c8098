"""An execution environment of a function, as Lambda has them: a process that runs one event after the other.

DynamoDB, S3 and SQS answer inside of it, where the SDK would send: their time is not the service's. Only Rekognition is
a server apart.
"""

import importlib
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Self

from benchmarks.answers import Answers
from imagescan.aws import clients
from testing.functions import Context
from testing.resources import TEMPLATE
from tools.env import EMULATOR_CREDENTIALS

_CONTEXT = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Invoked:
    """What came of one event, in ``wall`` seconds; ``delays`` are the visibility time-outs set, by receipt handle."""

    result: Any
    wall: float
    delays: Mapping[str, int]


class Environment:
    """Runs the function's handler; a context, at whose end the process ends."""

    def __init__(self, function: str, rekognition_url: str) -> None:
        self._connection, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_serve, args=(theirs, function, rekognition_url), daemon=True)
        self._process.start()
        theirs.close()

    def invoke(self, event: Mapping[str, Any]) -> Invoked:
        """One event. Raises EOFError when the process died of it."""
        self._connection.send(event)
        invoked: Invoked = self._connection.recv()
        return invoked

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._process.join()


def prepared(function: str) -> Callable[[Any, Any], Any]:
    """The function's handler, in this very process; what it prints goes nowhere."""
    os.environ.update(TEMPLATE.environment(function) | EMULATOR_CREDENTIALS)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    module, _, name = TEMPLATE.handler(function).rpartition(".")
    handler: Callable[[Any, Any], Any] = getattr(importlib.import_module(module), name)
    return handler


def _serve(connection: Connection, function: str, rekognition_url: str) -> None:
    os.environ["AWS_ENDPOINT_URL_REKOGNITION"] = rekognition_url
    handler, delays = prepared(function), _noted_delays()
    answers = Answers()
    for client in (clients.dynamodb(), clients.s3(), clients.sqs()):
        answers.attach(client)
    while True:
        try:
            event = connection.recv()
        except EOFError:
            return
        delays.clear()
        began = time.perf_counter()
        result = handler(event, Context())
        connection.send(Invoked(result, time.perf_counter() - began, dict(delays)))


def _noted_delays() -> dict[str, int]:
    """Filled as the handler sets visibility time-outs."""
    delays: dict[str, int] = {}

    def note(params: Any, **_: Any) -> None:
        delays.update({entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in params["Entries"]})

    clients.sqs().meta.events.register("provide-client-params.sqs.ChangeMessageVisibilityBatch", note)
    return delays
