"""AWS clients: one per service, created on first use, with timeouts below those of the functions.

They use botocore directly, because ``import boto3`` adds a tenth to a cold start and is not needed. Clients are
thread-safe.
"""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.loaders import Loader

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

_MAX_CONNECTIONS = 20  # a batch of 10 images is scanned concurrently
_DEFAULT_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    max_pool_connections=_MAX_CONNECTIONS,
    retries={"mode": "standard", "total_max_attempts": 4},
)
_S3_CONFIG = Config(
    signature_version="s3v4",  # the default would presign URLs without their headers
    response_checksum_validation="when_required",  # the scanner hashes the bytes itself
    connect_timeout=2,
    read_timeout=8,
    retries={"mode": "standard", "total_max_attempts": 2},
)
# The SDK must not retry: a call whose response was lost may be billed, and only a lease decides to pay again.
_NO_RETRY_CONFIG = Config(
    connect_timeout=2,
    read_timeout=15,
    max_pool_connections=_MAX_CONNECTIONS,
    retries={"mode": "standard", "total_max_attempts": 1},
)

# For each call, the SDK would build a long user agent (a tenth of the call's CPU time) and validate the parameters (a
# twentieth). mypy and the services validate them already.
_LOW_OVERHEAD_CONFIG = Config(user_agent="imagescan", parameter_validation=False)


class _Loader(Loader):
    """A loader for the services in use. The default one searches 400 services before it loads one."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's signature
        return ["dynamodb", "events", "rekognition", "s3", "sqs"]


@cache
def _session() -> botocore.session.Session:
    session = botocore.session.get_session()
    session.register_component("data_loader", _Loader())
    return session


@cache
def dynamodb() -> "DynamoDBClient":
    client: DynamoDBClient = _client("dynamodb", _DEFAULT_CONFIG)
    return client


@cache
def dynamodb_no_retry() -> "DynamoDBClient":
    """Return a client for writes that would count twice if the SDK retried them after a lost response."""
    client: DynamoDBClient = _client("dynamodb", _NO_RETRY_CONFIG)
    return client


@cache
def events() -> "EventBridgeClient":
    client: EventBridgeClient = _client("events", _DEFAULT_CONFIG)
    return client


@cache
def s3() -> "S3Client":
    # S3 redirects uploads to a new bucket if the host name has no Region. Signatures and browsers cannot follow that.
    # With virtual-hosted addressing, presigned URLs contain the Region. An emulator has no such host names.
    hosts = Config(s3={"addressing_style": "auto" if "AWS_ENDPOINT_URL" in os.environ else "virtual"})
    client: S3Client = _client("s3", _S3_CONFIG.merge(hosts))
    return client


@cache
def sqs() -> "SQSClient":
    client: SQSClient = _client("sqs", _DEFAULT_CONFIG)
    return client


@cache
def rekognition() -> "RekognitionClient":
    client: RekognitionClient = _client("rekognition", _NO_RETRY_CONFIG)
    return client


def _client(service: str, config: Config) -> Any:
    return _session().create_client(service, config=config.merge(_LOW_OVERHEAD_CONFIG))
