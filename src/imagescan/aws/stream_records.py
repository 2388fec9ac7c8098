"""Parses stream records of the requests and images tables."""

from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

from imagescan.aws.images_table import image_from_item
from imagescan.aws.items import MALFORMED_ITEM_ERRORS
from imagescan.aws.request_codec import request_from_item
from imagescan.domain.content import is_content_item_key
from imagescan.domain.events import FinishedRecord
from imagescan.domain.image_record import Image, Status
from imagescan.domain.scan_request import ScanRequest

_FINISHED = {Status.COMPLETED, Status.FAILED}

type _StreamItem = Mapping[str, Mapping[str, Any]]


def finished_records(event: dict[str, Any], on_error: Callable[[str, Exception], None]) -> list[FinishedRecord]:
    """Return the items in a Lambda event that left ``pending``, or were created finished, in the stream's order.

    An image whose attempts were exhausted counts as well, although it stays pending. Later changes of finished items do
    not count, and neither do the items of contents: those of their images do. A malformed record is reported to
    ``on_error`` and left out, because a record that fails on every retry would block its shard.
    """
    finished: list[FinishedRecord] = []
    for record in event["Records"]:
        try:
            finished += _finished(record)
        except MALFORMED_ITEM_ERRORS as error:
            on_error(_item_key(record), error)
    return finished


def _item_key(record: dict[str, Any]) -> str:
    """Return the key of the item, by which an operator finds it, or else the ID of the record."""
    keys = record.get("dynamodb", {}).get("Keys", {})
    return ", ".join(value["S"] for value in keys.values()) or str(record.get("eventID"))


def _finished(record: dict[str, Any]) -> list[FinishedRecord]:
    change = record["dynamodb"]
    new, old = change.get("NewImage"), change.get("OldImage")
    if is_content_item_key(change.get("Keys", {}).get("image_hash", {}).get("S", "")):
        return []
    if not any(has_ended(new) and not has_ended(old) for has_ended in (_is_finished, _is_exhausted)):
        return []
    return [FinishedRecord(record["eventID"], change["SequenceNumber"], _entity(change["NewImage"]))]


def _is_finished(item: _StreamItem | None) -> bool:
    return item is not None and "status" in item and item["status"]["S"] in _FINISHED


def _is_exhausted(item: _StreamItem | None) -> bool:
    return item is not None and "is_exhausted" in item


def _entity(stream_item: _StreamItem) -> ScanRequest | Image:
    """Return the finished request or image. Raise ValueError if the item lacks its answer or its scan."""
    item: Any = {name: _decoded(value) for name, value in stream_item.items()}
    entity = request_from_item(item) if "request_id" in item else image_from_item(item)
    if not (entity.answer if isinstance(entity, ScanRequest) else entity.scan or entity.is_exhausted):
        raise ValueError("the item is finished but holds no result")
    return entity


def _decoded(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the attribute with decoded binary values, also those in maps. No item has binary values in lists."""
    if "M" in value:
        return {"M": {name: _decoded(each) for name, each in value["M"].items()}}
    return {"B": b64decode(value["B"])} if "B" in value else value
