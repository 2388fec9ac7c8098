"""Makes worlds, for tests and for whatever else measures the functions on moto."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.retries import quota, standard
from moto import mock_aws

from imagescan.aws import clients
from imagescan.aws.pace import Pace
from imagescan.handlers import scanner
from local.environments import NO_ACCOUNT
from tests.integration.event_bus_double import EventBusDouble
from tests.integration.functions import FUNCTIONS, Clock, Functions, Trigger, module_of
from tests.integration.rekognition_double import RekognitionDouble
from tests.integration.resources import Resources
from tests.integration.streams import Streams
from tests.integration.wire import Answering, Wire
from tests.integration.world import MINUTE, World

_NOT_BY_ACCOUNT = Config(account_id_endpoint_mode="disabled")  # moto knows no streams under an account's own address

type Sdk = tuple[Wire, RekognitionDouble, EventBusDouble, Resources, Any]
type Worlds = Callable[..., AbstractContextManager[World]]


@contextmanager
def attached_sdk(make_wire: Callable[[dict[str, Answering]], Wire] = Wire) -> Iterator[Sdk]:
    """The clients: making them takes longer than any test, so they serve all. moto empties itself for each world.

    They send again what the SDK would, at once, however often it came to that before, and at any rate.
    """
    _forget_cached()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in NO_ACCOUNT.items():
            patch.setenv(name, value)
        patch.setattr(standard.ExponentialBackoff, "delay_amount", lambda *_: 0)
        patch.setattr(quota.RetryQuota, "acquire", lambda *_: True)
        patch.setattr(scanner, "Pace", partial(Pace, sleep=lambda _: None))
        resources = Resources(boto3.client("dynamodb"), boto3.client("s3"), boto3.client("sqs"))
        detector = RekognitionDouble(resources.s3)
        bus = EventBusDouble()
        wire = make_wire({"rekognition": detector.answer, "eventbridge": bus.answer})
        for client in (
            clients.dynamodb(),
            clients.dynamodb_once(),
            clients.s3(),
            clients.sqs(),
            clients.events(),
            clients.rekognition(),
        ):
            wire.attach(client)
        yield wire, detector, bus, resources, boto3.client("dynamodbstreams", config=_NOT_BY_ACCOUNT)
    _forget_cached()


@contextmanager
def world_of(sdk: Sdk, **overrides: str) -> Iterator[World]:
    """The functions and all they need, empty; ``overrides`` come before their environment."""
    wire, detector, bus, resources, dynamodb_streams = sdk
    forget_settings()
    with mock_aws():
        resources.make()
        resources.forget_messages()  # the event by which S3 tests a new notification
        wire.reset()
        detector.reset()
        bus.reset()
        later = time.time() + MINUTE  # than whatever is uploaded: moto takes the machine's own time for that
        functions = Functions(Clock(later), overrides)
        trigger, streams = Trigger(resources.sqs, functions), Streams(dynamodb_streams, functions)
        yield World(functions.clock, wire, detector, bus, resources, functions, trigger, streams)


def forget_settings() -> None:
    """What the handlers keep of their environment."""
    _forget_in(*map(module_of, FUNCTIONS))


def _forget_cached() -> None:
    """The clients and settings that an earlier environment made."""
    _forget_in(clients)
    forget_settings()


def _forget_in(*modules: Any) -> None:
    for module in modules:
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()
