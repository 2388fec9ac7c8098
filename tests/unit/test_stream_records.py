"""Which stream records are counted and published."""

from base64 import b64encode
from typing import Any

import pytest

from imagescan.aws.items import scan_attributes
from imagescan.aws.stream_records import finished_records
from imagescan.domain.content import content_item_key, content_scan
from imagescan.domain.events import FinishedRecord
from imagescan.domain.feature import Feature
from imagescan.domain.image_record import Image, Origin, Scan, Status

HASH, CONTENT = "ab" * 32, "cd" * 32
SCAN = Scan(Status.COMPLETED, 2.0, (), "3.0", scanned_for="r", content_hash=CONTENT, origin=Origin(1.0, is_own=False))
PENDING: dict[str, Any] = {"status": {"S": "pending"}, "attempts": {"SS": ["a"]}}
EXHAUSTED: dict[str, Any] = PENDING | {"is_exhausted": {"BOOL": True}, "exhausted_at": {"NS": ["2.0"]}}


def base64_values(item: Any) -> Any:
    """Return the item as a stream has it."""
    if isinstance(item, dict):
        return {name: base64_values(value) for name, value in item.items()}
    return b64encode(item).decode() if isinstance(item, bytes) else item


def records(key: str, new: Any, old: Any = None) -> tuple[list[FinishedRecord], list[str]]:
    """Return the finished records of one change, and the keys of malformed items."""
    keys = {"image_hash": {"S": key}}
    images = {"OldImage": base64_values(keys | old)} if old else {}
    change = {"Keys": keys, "SequenceNumber": "1", "NewImage": base64_values(keys | new), **images}
    malformed: list[str] = []
    event = {"Records": [{"eventID": "e", "dynamodb": change}]}
    return finished_records(event, on_error=lambda item, _: malformed.append(item)), malformed


@pytest.mark.parametrize("old", [None, PENDING], ids=["created", "changed"])
def test_a_finished_image_is_returned_with_its_content(old: Any) -> None:
    found, malformed = records(HASH, scan_attributes(SCAN) | {"attempts": {"SS": ["a"]}}, old)
    assert malformed == []
    assert [record.entity for record in found] == [Image(HASH, attempts=1, scan=SCAN)]


def test_an_exhausted_image_is_returned() -> None:
    found, _ = records(HASH, EXHAUSTED, PENDING)
    assert [record.entity for record in found] == [Image(HASH, 1, exhausted_at=(2.0,), is_exhausted=True)]


@pytest.mark.parametrize("feature", Feature)
@pytest.mark.parametrize(
    "new",
    [scan_attributes(content_scan(SCAN, HASH)), EXHAUSTED, {"status": {"S": "completed"}}],
    ids=["scanned", "exhausted", "malformed"],
)
def test_the_items_of_contents_are_ignored(feature: Feature, new: Any) -> None:
    assert records(content_item_key(CONTENT, feature), new, PENDING) == ([], [])
