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


def test_the_key_of_a_created_message_is_parsed() -> None:
    assert image_keys(s3_event_message(KEY)) == [KEY]


def test_a_message_with_several_records_yields_each_key_once() -> None:
    other = f"images/{'cd' * 32}.png"
    assert image_keys(body(record(), record(other), record())) == [KEY, other]


@pytest.mark.parametrize(
    "message",
    [
        json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "bucket"}),
        body(),
        body(record("images/holiday.jpg")),
        body(record("elsewhere/" + KEY)),
        body(record(eventName="ObjectRemoved:Delete")),
        body(record(eventSource="aws:sns")),
    ],
)
def test_test_events_and_foreign_keys_yield_no_keys(message: str) -> None:
    assert image_keys(message) == []


@pytest.mark.parametrize("encoded", [KEY.replace("/", "%2F"), KEY.replace("a", "%61")])
def test_keys_are_url_decoded(encoded: str) -> None:
    assert image_keys(body(record(encoded))) == [KEY]


@pytest.mark.parametrize(
    "message",
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
def test_a_malformed_message_raises_an_error_with_the_reason(message: str) -> None:
    with pytest.raises(MalformedMessage, match=r"message|record"):
        image_keys(message)
