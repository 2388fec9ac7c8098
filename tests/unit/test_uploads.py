import json
from typing import Any

import pytest

from imagescan.aws.s3_events import MalformedMessage, image_keys, s3_event_message

KEY = f"images/{'ab' * 32}.jpg"


def record(key: str = KEY, **changes: Any) -> dict[str, Any]:
    s3 = {"object": {"key": key}}
    return {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3} | changes


def body(*records: Any) -> str:
    return json.dumps({"Records": records})


def test_an_announcement_is_read_back() -> None:
    assert image_keys(s3_event_message(KEY)) == [KEY]


def test_a_message_with_several_records_announces_each_image_once() -> None:
    other = f"images/{'cd' * 32}.png"
    assert image_keys(body(record(), record(other), record())) == [KEY, other]


@pytest.mark.parametrize(
    "nothing_to_do",
    [
        json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "pictures"}),
        body(),
        body(record("images/holiday.jpg")),
        body(record("elsewhere/" + KEY)),
        body(record(eventName="ObjectRemoved:Delete")),
        body(record(eventSource="aws:sns")),
    ],
)
def test_test_events_and_foreign_keys_announce_nothing(nothing_to_do: str) -> None:
    assert image_keys(nothing_to_do) == []


@pytest.mark.parametrize("encoded", [KEY.replace("/", "%2F"), KEY.replace("a", "%61")])
def test_keys_are_url_decoded(encoded: str) -> None:
    assert image_keys(body(record(encoded))) == [KEY]


@pytest.mark.parametrize(
    "poison",
    [
        "",
        "not JSON",
        "[]",
        "null",
        "{}",
        '{"Records": 3}',
        body("text"),
        body({}),
        body(record(s3=None)),
        body(record(eventName=7)),
        "[" * 100_000,
    ],
)
def test_what_can_never_be_read_is_poison_with_a_reason(poison: str) -> None:
    with pytest.raises(MalformedMessage, match=r"message|record"):
        image_keys(poison)
