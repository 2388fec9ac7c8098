"""Creates moto environments for tests and benchmarks."""

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

from imagescan.api import wait_preference
from imagescan.aws import clients
from imagescan.aws.rate_limiter import AdaptiveRateLimiter
from imagescan.handlers import scanner
from testing.fake_event_bus import FakeEventBus
from testing.fake_rekognition import FakeRekognition
from testing.functions import FUNCTIONS, Clock, Functions, Trigger, handler_module
from testing.moto_environment import MINUTE, MotoEnvironment
from testing.recording_transport import RecordingTransport, Responder
from testing.resources import Resources
from testing.streams import Streams
from tools.env import EMULATOR_CREDENTIALS

_NOT_BY_ACCOUNT = Config(account_id_endpoint_mode="disabled")  # moto supports no account-specific stream endpoints

type Sdk = tuple[RecordingTransport, FakeRekognition, FakeEventBus, Resources, Any]
type MakeEnvironment = Callable[..., AbstractContextManager[MotoEnvironment]]


@contextmanager
def attached_sdk(
    make_transport: Callable[[dict[str, Responder]], RecordingTransport] = RecordingTransport,
) -> Iterator[Sdk]:
    """Create the SDK clients and route their calls through a recording transport.

    All tests share the clients because creating them takes longer than any test. moto starts empty in each environment.
    The clients retry as the SDK does, but without delays, retry quotas and rate limits.
    """
    _clear_caches()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in EMULATOR_CREDENTIALS.items():
            patch.setenv(name, value)
        patch.setattr(standard.ExponentialBackoff, "delay_amount", lambda *_: 0)
        patch.setattr(quota.RetryQuota, "acquire", lambda *_: True)
        patch.setattr(scanner, "AdaptiveRateLimiter", partial(AdaptiveRateLimiter, sleep=lambda _: None))
        resources = Resources(boto3.client("dynamodb"), boto3.client("s3"), boto3.client("sqs"))
        detector = FakeRekognition(resources.s3)
        bus = FakeEventBus()
        transport = make_transport({"rekognition": detector.respond, "eventbridge": bus.respond})
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
    _clear_caches()


@contextmanager
def moto_environment(sdk: Sdk, **overrides: str) -> Iterator[MotoEnvironment]:
    """Create empty resources and the functions. ``overrides`` replace environment variables of the functions."""
    transport, detector, bus, resources, dynamodb_streams = sdk
    clear_settings_cache()
    with mock_aws():
        resources.create()
        resources.delete_messages()  # the test event that S3 sends for a new notification
        transport.reset()
        detector.reset()
        bus.reset()
        now = time.time() + MINUTE  # later than all uploads, for which moto uses the system time
        functions = Functions(Clock(now), overrides)
        trigger, streams = Trigger(resources.sqs, functions), Streams(dynamodb_streams, functions)
        yield MotoEnvironment(functions.clock, transport, detector, bus, resources, functions, trigger, streams)


def clear_settings_cache() -> None:
    """Clear the settings that the handlers cache from their environment."""
    _clear_caches_of(wait_preference, *map(handler_module, FUNCTIONS))


def _clear_caches() -> None:
    """Clear the clients and settings of an earlier environment."""
    _clear_caches_of(clients)
    clear_settings_cache()


def _clear_caches_of(*modules: Any) -> None:
    for module in modules:
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()
