"""The streams of the requests and images tables: what came to its end, in a Lambda event from either."""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from imagescan.announce import Ended
from imagescan.aws.images_table import image_in
from imagescan.aws.requests_table import request_in
from imagescan.requests import Image, ScanRequest, Status

type _Row = Mapping[str, Mapping[str, Any]]


def ended_in(event: dict[str, Any]) -> list[Ended]:
    """The rows that this event saw leave ``pending``, or come already settled, in the stream's order.

    Once it has ended, a row may change or go as it likes: it ended once.
    """
    return [
        Ended(record["eventID"], change["SequenceNumber"], _read(change["NewImage"]))
        for record in event["Records"]
        if _is_over((change := record["dynamodb"]).get("NewImage")) and not _is_over(change.get("OldImage"))
    ]


def _is_over(row: _Row | None) -> bool:
    return row is not None and "status" in row and row["status"]["S"] != Status.PENDING


def _read(row: _Row) -> ScanRequest | Image:
    item: Any = {name: _decoded(value) for name, value in row.items()}
    return request_in(item) if "request_id" in item else image_in(item)


def _decoded(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"B": b64decode(value["B"])} if "B" in value else value
