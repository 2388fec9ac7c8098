"""How values look in a DynamoDB item."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from imagescan.aws.packed_labels import packed, unpacked
from imagescan.requests import Failure, Scan, Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, UniversalAttributeValueTypeDef

# Seconds before each time that the rows which are still missing are asked for.
_PAUSES = 0, 0.05, 0.1, 0.2, 0.4, 0.8

type Item = Mapping[str, AttributeValueTypeDef]
type Writable = dict[str, UniversalAttributeValueTypeDef]


def text(value: str) -> "UniversalAttributeValueTypeDef":
    return {"S": value}


def number(value: float) -> "UniversalAttributeValueTypeDef":
    return {"N": repr(value)}


def number_in(item: Item, name: str) -> float | None:
    return float(item[name]["N"]) if name in item else None


def text_in(item: Item, name: str) -> str | None:
    return item[name]["S"] if name in item else None


def failure_attributes(failure: Failure | None) -> Writable:
    return {"failure_code": text(failure.code), "failure_message": text(failure.message)} if failure else {}


def failure_in(item: Item) -> Failure | None:
    return Failure(item["failure_code"]["S"], item["failure_message"]["S"]) if "failure_code" in item else None


def scan_attributes(scan: Scan) -> Writable:
    """The attributes that keep a scan, in an image's row and in the rows of the requests it answered alike."""
    return {
        "status": text(scan.status),
        "finished_at": number(scan.finished_at),
        **({"labels": {"B": packed(scan.labels)}} if scan.labels else {}),
        **({"model_version": text(scan.model_version)} if scan.model_version else {}),
        **({"scanned_for": text(scan.scanned_for)} if scan.scanned_for else {}),
        **failure_attributes(scan.failure),
    }


def scan_in(item: Item) -> Scan | None:
    finished_at = number_in(item, "finished_at")
    if finished_at is None:
        return None
    return Scan(
        status=Status(item["status"]["S"]),
        finished_at=finished_at,
        labels=unpacked(bytes(item["labels"]["B"])) if "labels" in item else (),
        model_version=text_in(item, "model_version"),
        failure=failure_in(item),
        scanned_for=text_in(item, "scanned_for"),
    )


def condition_failed(error: ClientError) -> bool:
    """Whether a conditional write was refused by its condition."""
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def succeeded(write: Callable[[], object]) -> bool:
    """Whether a conditional write was made; not when its condition stood against it."""
    try:
        write()
    except ClientError as error:
        if condition_failed(error):
            return False
        raise
    return True


def batch_get(client: "DynamoDBClient", table: str, keys: Sequence[Any]) -> list[Item]:
    """The rows of at most 100 keys, strongly read; those that have none are left out.

    Rows that a busy table leaves out are asked for again after growing pauses. Raises TimeoutError when it stays busy.
    """
    items: list[Item] = []
    wanted: Any = {table: {"Keys": list(keys), "ConsistentRead": True}} if keys else {}
    for pause in _PAUSES:
        if not wanted:
            return items
        time.sleep(pause)
        answer = client.batch_get_item(RequestItems=wanted)
        items += answer["Responses"].get(table, [])
        wanted = answer.get("UnprocessedKeys")
    if wanted:
        raise TimeoutError(f"{table} is too busy to give all the rows that were asked for")
    return items


def row_met(error: ClientError) -> Item:
    """The row that stood against a conditional write; any other error is raised again."""
    if not condition_failed(error):
        raise error
    item: Item = error.response["Item"]  # type: ignore[typeddict-item]  # the stubs do not know ALL_OLD's row
    return item
