"""The functions on moto: the template's resources, the SDK's own clients, and a double of Rekognition."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import StringIO
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.retries import quota, standard
from moto import mock_aws

from imagescan.aws import clients
from imagescan.handlers.log import logger
from local.environments import NO_ACCOUNT
from tests.integration.event_bus_double import EventBusDouble
from tests.integration.functions import FUNCTIONS, Clock, Functions, Trigger, module_of
from tests.integration.rekognition_double import RekognitionDouble
from tests.integration.resources import Resources
from tests.integration.streams import Streams
from tests.integration.wire import Wire
from tests.integration.world import World

_NOT_BY_ACCOUNT = Config(account_id_endpoint_mode="disabled")  # moto knows no streams under an account's own address

type Sdk = tuple[Wire, RekognitionDouble, EventBusDouble, Resources, Any]
type Worlds = Callable[..., AbstractContextManager[World]]


@pytest.fixture(scope="package")
def sdk() -> Iterator[Sdk]:
    """The clients: making them takes longer than any test, so they serve all. moto empties itself for each test.

    They send again what the SDK would, at once and however often it came to that in the tests before.
    """
    _forget_cached()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in NO_ACCOUNT.items():
            patch.setenv(name, value)
        patch.setattr(standard.ExponentialBackoff, "delay_amount", lambda *_: 0)
        patch.setattr(quota.RetryQuota, "acquire", lambda *_: True)
        resources = Resources(boto3.client("dynamodb"), boto3.client("s3"), boto3.client("sqs"))
        detector = RekognitionDouble(resources.s3)
        bus = EventBusDouble()
        wire = Wire({"rekognition": detector.answer, "eventbridge": bus.answer})
        for client in (
            clients.dynamodb(),
            clients.dynamodb_once(),
            clients.s3(),
            clients.sqs(),
            clients.rekognition(),
            clients.events(),
        ):
            wire.attach(client)
        yield wire, detector, bus, resources, boto3.client("dynamodbstreams", config=_NOT_BY_ACCOUNT)
    _forget_cached()


@pytest.fixture
def worlds(sdk: Sdk) -> Worlds:
    """Makes a world of its own each time, for tests that need many; what they are given overrides the environment."""
    wire, detector, bus, resources, dynamodb_streams = sdk

    @contextmanager
    def world(**overrides: str) -> Iterator[World]:
        forget_settings()
        with mock_aws():
            resources.make()
            resources.forget_messages()  # the event by which S3 tests a new notification
            wire.reset()
            detector.reset()
            bus.reset()
            functions = Functions(Clock(time.time()), overrides)
            trigger, streams = Trigger(resources.sqs, functions), Streams(dynamodb_streams, functions)
            yield World(functions.clock, wire, detector, bus, resources, functions, trigger, streams)

    return world


@pytest.fixture
def world(worlds: Worlds) -> Iterator[World]:
    """The functions and all they need, empty."""
    with worlds() as made:
        yield made


@pytest.fixture
def log() -> Iterator["Log"]:
    """What the functions log while the test runs."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logger.registered_formatter)
    logging.getLogger(logger.name).addHandler(handler)
    yield Log(stream)
    logging.getLogger(logger.name).removeHandler(handler)


class Log:
    """Structured lines as they are written."""

    def __init__(self, stream: StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        """All of it, as written."""
        return self._stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """One object a line."""
        return [json.loads(line) for line in self.text.splitlines()]

    def said(self, message: str) -> list[dict[str, Any]]:
        """The lines with that message."""
        return [line for line in self.lines if line["message"] == message]


def _forget_cached() -> None:
    """The clients and settings that an earlier test's environment made."""
    _forget_in(clients)
    forget_settings()


def forget_settings() -> None:
    _forget_in(*map(module_of, FUNCTIONS))


def _forget_in(*modules: Any) -> None:
    for module in modules:
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()
