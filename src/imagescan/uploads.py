"""Which images a queue message announces. Pure.

A message holds an S3 event notification: {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
"s3": {"object": {"key"}}}]}, its keys URL-encoded. Source: the Amazon S3 user guide, "Event message structure". The
sweeper writes messages of the same form. The bucket that a record names does not matter: a key of ours names bytes
by their hash, and only the service's own bucket is ever read.
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


def keys_in(body: str) -> list[str]:
    """The keys of the images that the message announces, each once, in order; none for a test event or foreign keys.

    Raises Poison for anything that is not an S3 event notification.
    """
    event = _object(body)
    if event.get("Event") == "s3:TestEvent":
        return []
    records = event.get("Records")
    if not isinstance(records, list):
        raise Poison("the message has no list of Records")
    keys = [_key(record) for record in records]
    return list(dict.fromkeys(key for key in keys if key and hash_in_key(key)))


def announcement(key: str) -> str:
    """A message body that announces the image under ``key``, as S3 itself would."""
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"object": {"key": quote(key)}}}
    return json.dumps({"Records": [record]})


def _object(body: str) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Poison("the message is not JSON") from error
    if not isinstance(event, dict):
        raise Poison("the message is not a JSON object")
    return event


def _key(record: Any) -> str | None:
    """The decoded key, or None for a record that does not announce an upload."""
    try:
        source, name, key = record["eventSource"], record["eventName"], record["s3"]["object"]["key"]
    except (KeyError, TypeError) as error:
        raise Poison("a record is not an S3 event") from error
    if not all(isinstance(value, str) for value in (source, name, key)):
        raise Poison("a record is not an S3 event")
    is_upload = source == "aws:s3" and name.removeprefix("s3:").startswith("ObjectCreated:")
    return unquote_plus(key) if is_upload else None
