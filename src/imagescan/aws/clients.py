"""AWS clients: one for each service, made when first wanted, with time-outs sized to the functions' own.

They come straight from botocore: ``import boto3`` adds a tenth to a cold start and nothing that is used here.
Clients are thread-safe once made.
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

_POOL = 20  # connections: a batch of 10 images is scanned at once
_QUICK = Config(
    connect_timeout=2, read_timeout=5, max_pool_connections=_POOL, retries={"mode": "standard", "total_max_attempts": 4}
)
_UPLOAD = Config(
    signature_version="s3v4",  # an older one would sign presigned addresses without their headers
    connect_timeout=2,
    read_timeout=8,
    retries={"mode": "standard", "total_max_attempts": 2},
)
# Never sent again by the SDK: a call whose answer was lost may have been paid for; only a lease decides to pay again.
_ONCE = Config(
    connect_timeout=2,
    read_timeout=15,
    max_pool_connections=_POOL,
    retries={"mode": "standard", "total_max_attempts": 1},
)

# For each call the SDK would make up a long name anew, a tenth of the call's CPU, and hold the parameters against its
# model, a twentieth: mypy and the services do that.
_LEAN = Config(user_agent="imagescan", parameter_validation=False)


class _Loader(Loader):
    """Looks for what is used here; botocore's own looks through all of AWS's 400 services before it loads one."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - as botocore calls it
        return ["dynamodb", "events", "rekognition", "s3", "sqs"]


@cache
def _session() -> botocore.session.Session:
    session = botocore.session.get_session()
    session.register_component("data_loader", _Loader())
    return session


@cache
def dynamodb() -> "DynamoDBClient":
    client: DynamoDBClient = _client("dynamodb", _QUICK)
    return client


@cache
def dynamodb_once() -> "DynamoDBClient":
    """For writes that would count twice if the SDK sent them again after an answer was lost."""
    client: DynamoDBClient = _client("dynamodb", _ONCE)
    return client


@cache
def events() -> "EventBridgeClient":
    client: EventBridgeClient = _client("events", _QUICK)
    return client


@cache
def s3() -> "S3Client":
    # S3 redirects uploads from a young bucket's host without a region, which neither signatures nor browsers survive.
    # Presigned addresses have the region when virtual hosts are asked for; an emulator under a name has no such hosts.
    hosts = Config(s3={"addressing_style": "auto" if "AWS_ENDPOINT_URL" in os.environ else "virtual"})
    client: S3Client = _client("s3", _UPLOAD.merge(hosts))
    return client


@cache
def sqs() -> "SQSClient":
    client: SQSClient = _client("sqs", _QUICK)
    return client


@cache
def rekognition() -> "RekognitionClient":
    client: RekognitionClient = _client("rekognition", _ONCE)
    return client


def _client(service: str, config: Config) -> Any:
    return _session().create_client(service, config=config.merge(_LEAN))
