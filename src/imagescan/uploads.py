"""Which images a queue message announces. Pure.

A message holds an S3 event notification: {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
"s3": {"bucket": {"name"}, "object": {"key"}}}]}, its keys URL-encoded. Source: the Amazon S3 user guide, "Event
message structure". The sweeper writes messages of the same form.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote_plus

from imagescan.images import hash_in_key


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of a queue message; ``receives`` counts its deliveries, this one among them."""

    id: str
    receipt: str
    body: str
    receives: int


class Poison(Exception):
    """The message cannot be read, and never will be. Its text says why."""


def keys_in(body: str, bucket: str) -> list[str]:
    """The keys of the images that the message announces, each once, in order; none for a test event or foreign keys.

    Raises Poison for anything that is not an S3 event notification.
    """
    event = _object(body)
    if event.get("Event") == "s3:TestEvent":
        return []
    records = event.get("Records")
    if not isinstance(records, list):
        raise Poison("the message has no list of Records")
    keys = [_key(record, bucket) for record in records]
    return list(dict.fromkeys(key for key in keys if key and hash_in_key(key)))


def announcement(key: str, bucket: str) -> str:
    """A message body that announces the image under ``key``, as S3 itself would."""
    s3 = {"bucket": {"name": bucket}, "object": {"key": quote(key)}}
    return json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}]})


def _object(body: str) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Poison("the message is not JSON") from error
    if not isinstance(event, dict):
        raise Poison("the message is not a JSON object")
    return event


def _key(record: Any, bucket: str) -> str | None:
    """The decoded key, or None for a record that does not announce an object of this bucket."""
    try:
        source, name = record["eventSource"], record["eventName"]
        of_bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
    except (KeyError, TypeError) as error:
        raise Poison("a record is not an S3 event") from error
    if not all(isinstance(value, str) for value in (source, name, of_bucket, key)):
        raise Poison("a record is not an S3 event")
    is_upload = source == "aws:s3" and name.removeprefix("s3:").startswith("ObjectCreated:") and of_bucket == bucket
    return unquote_plus(key) if is_upload else None
