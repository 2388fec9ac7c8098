"""Makes make_environment, for tests and for whatever else measures the functions on moto."""

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
from imagescan.aws.rate_limiter import AdaptiveRateLimiter
from imagescan.handlers import scanner
from testing.fake_event_bus import FakeEventBus
from testing.fake_rekognition import FakeRekognition
from testing.functions import FUNCTIONS, Clock, Functions, Trigger, module_of
from testing.moto_environment import MINUTE, MotoEnvironment
from testing.recording_transport import Answering, RecordingTransport
from testing.resources import Resources
from testing.streams import Streams
from tools.env import EMULATOR_CREDENTIALS

_NOT_BY_ACCOUNT = Config(account_id_endpoint_mode="disabled")  # moto knows no streams under an account's own address

type Sdk = tuple[RecordingTransport, FakeRekognition, FakeEventBus, Resources, Any]
type MakeEnvironment = Callable[..., AbstractContextManager[MotoEnvironment]]


@contextmanager
def attached_sdk(
    make_transport: Callable[[dict[str, Answering]], RecordingTransport] = RecordingTransport,
) -> Iterator[Sdk]:
    """The clients: making them takes longer than any test, so they serve all. moto empties itself for each env.

    They send again what the SDK would, at once, however often it came to that before, and at any rate.
    """
    _forget_cached()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in EMULATOR_CREDENTIALS.items():
            patch.setenv(name, value)
        patch.setattr(standard.ExponentialBackoff, "delay_amount", lambda *_: 0)
        patch.setattr(quota.RetryQuota, "acquire", lambda *_: True)
        patch.setattr(scanner, "AdaptiveRateLimiter", partial(AdaptiveRateLimiter, sleep=lambda _: None))
        resources = Resources(boto3.client("dynamodb"), boto3.client("s3"), boto3.client("sqs"))
        detector = FakeRekognition(resources.s3)
        bus = FakeEventBus()
        transport = make_transport({"rekognition": detector.answer, "eventbridge": bus.answer})
        for client in (
            clients.dynamodb(),
            clients.dynamodb_no_retry(),
            clients.s3(),
            clients.sqs(),
            clients.events(),
            clients.rekognition(),
        ):
            transport.attach(client)
        yield transport, detector, bus, resources, boto3.client("dynamodbstreams", config=_NOT_BY_ACCOUNT)
    _forget_cached()


@contextmanager
def moto_environment(sdk: Sdk, **overrides: str) -> Iterator[MotoEnvironment]:
    """The functions and all they need, empty; ``overrides`` come before their environment."""
    transport, detector, bus, resources, dynamodb_streams = sdk
    clear_settings_cache()
    with mock_aws():
        resources.make()
        resources.forget_messages()  # the event by which S3 tests a new notification
        transport.reset()
        detector.reset()
        bus.reset()
        later = time.time() + MINUTE  # than whatever is uploaded: moto takes the machine's own time for that
        functions = Functions(Clock(later), overrides)
        trigger, streams = Trigger(resources.sqs, functions), Streams(dynamodb_streams, functions)
        yield MotoEnvironment(functions.clock, transport, detector, bus, resources, functions, trigger, streams)


def clear_settings_cache() -> None:
    """What the handlers keep of their environment."""
    _forget_in(*map(module_of, FUNCTIONS))


def _forget_cached() -> None:
    """The clients and settings that an earlier environment made."""
    _forget_in(clients)
    clear_settings_cache()


def _forget_in(*modules: Any) -> None:
    for module in modules:
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()
