"""Encodes and decodes values in DynamoDB items."""

import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from imagescan.aws.feature_adapters import feature_adapter
from imagescan.domain.feature import Feature
from imagescan.domain.image_record import Failure, Origin, Scan, Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, UniversalAttributeValueTypeDef

_BACKOFF_SECONDS = 0, 0.05, 0.1, 0.2, 0.4, 0.8  # before each BatchGetItem for the keys that are still missing

MALFORMED_ITEM_ERRORS = (AttributeError, KeyError, TypeError, ValueError, zlib.error)
"""What decoding raises for an item with missing or invalid attributes."""

type Item = Mapping[str, AttributeValueTypeDef]
type WritableItem = dict[str, UniversalAttributeValueTypeDef]


def string_attribute(value: str) -> "UniversalAttributeValueTypeDef":
    return {"S": value}


def number_attribute(value: float) -> "UniversalAttributeValueTypeDef":
    return {"N": repr(value)}


def get_number(item: Item, name: str) -> float | None:
    return float(item[name]["N"]) if name in item else None


def get_text(item: Item, name: str) -> str | None:
    return item[name]["S"] if name in item else None


def failure_attributes(failure: Failure | None) -> WritableItem:
    if failure is None:
        return {}
    return {
        "failure_code": string_attribute(failure.code),
        "failure_message": string_attribute(failure.message),
        **({"failed_feature": string_attribute(failure.feature)} if failure.feature != Feature.LABELS else {}),
    }


def failure_from_item(item: Item) -> Failure | None:
    if "failure_code" not in item:
        return None
    feature = Feature(get_text(item, "failed_feature") or Feature.LABELS)
    return Failure(item["failure_code"]["S"], item["failure_message"]["S"], feature)


def scan_attributes(scan: Scan) -> WritableItem:
    """Return the attributes of a scan. The item of its feature and the items of the requests it answered share them.

    The attribute of the findings has the name of the feature.
    """
    encode = feature_adapter(scan.feature).encode
    return {
        "status": string_attribute(scan.status),
        "finished_at": number_attribute(scan.finished_at),
        **({scan.feature.value: {"B": encode(scan.findings)}} if scan.findings else {}),
        **({"model_version": string_attribute(scan.model_version)} if scan.model_version else {}),
        **({"scanned_for": string_attribute(scan.scanned_for)} if scan.scanned_for else {}),
        **({"scanned_owner": string_attribute(scan.owner)} if scan.owner else {}),
        **({"content_hash": _hash_attribute(scan.content_hash)} if scan.content_hash else {}),
        **({"scanned_hash": _hash_attribute(scan.scanned_hash)} if scan.scanned_hash else {}),
        **(_origin_attributes(scan.origin) if scan.origin else {}),
        **failure_attributes(scan.failure),
    }


def scan_from_item(item: Item, feature: Feature = Feature.LABELS) -> Scan | None:
    """Return the scan for this feature that the attributes hold, or None if it has not finished."""
    finished_at = get_number(item, "finished_at")
    if finished_at is None:
        return None
    return Scan(
        status=Status(item["status"]["S"]),
        finished_at=finished_at,
        findings=feature_adapter(feature).decode(bytes(item[feature]["B"])) if feature in item else (),
        model_version=get_text(item, "model_version"),
        failure=failure_from_item(item),
        scanned_for=get_text(item, "scanned_for"),
        owner=get_text(item, "scanned_owner"),
        feature=feature,
        content_hash=_get_hash(item, "content_hash"),
        origin=_origin_from_item(item),
        scanned_hash=_get_hash(item, "scanned_hash"),
    )


def _hash_attribute(value: str) -> "UniversalAttributeValueTypeDef":
    """Return a SHA-256 as 32 bytes. Its hexadecimal digits would take twice as much."""
    return {"B": bytes.fromhex(value)}


def _get_hash(item: Item, name: str) -> str | None:
    return bytes(item[name]["B"]).hex() if name in item else None


def _origin_attributes(origin: Origin) -> WritableItem:
    foreign: WritableItem = {} if origin.is_own else {"origin_is_foreign": {"BOOL": True}}
    return {"origin_at": number_attribute(origin.scanned_at), **foreign}


def _origin_from_item(item: Item) -> Origin | None:
    scanned_at = get_number(item, "origin_at")
    return None if scanned_at is None else Origin(scanned_at, "origin_is_foreign" not in item)


def condition_failed(error: ClientError) -> bool:
    """Return whether the condition of a conditional write was not met."""
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def try_conditional_write(write: Callable[[], object]) -> bool:
    """Make a conditional write. Return False if its condition was not met."""
    try:
        write()
    except ClientError as error:
        if condition_failed(error):
            return False
        raise
    return True


def existing_item(error: ClientError) -> Item:
    """Return the item that did not meet the condition of a write. Raise any other error again."""
    if not condition_failed(error):
        raise error
    item: Item = error.response["Item"]  # type: ignore[typeddict-item]  # the stubs do not know ALL_OLD's item
    return item


def batch_get(client: "DynamoDBClient", table: str, keys: Sequence[Any]) -> list[Item]:
    """Return the items of at most 100 keys using consistent reads. Missing items are left out.

    Unprocessed keys are requested again with backoff. Raise TimeoutError if the table keeps leaving keys unprocessed.
    """
    items: list[Item] = []
    remaining: Any = {table: {"Keys": list(keys), "ConsistentRead": True}} if keys else {}
    for pause in _BACKOFF_SECONDS:
        if not remaining:
            return items
        time.sleep(pause)
        response = client.batch_get_item(RequestItems=remaining)
        items += response["Responses"].get(table, [])
        remaining = response.get("UnprocessedKeys")
    if remaining:
        raise TimeoutError(f"{table} is throttled: BatchGetItem left keys unprocessed {len(_BACKOFF_SECONDS)} times")
    return items
