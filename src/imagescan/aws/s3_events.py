"""Parses and creates S3 event notifications.

A notification is {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"object": {"key"}}}]}
with URL-encoded keys. Source: the Amazon S3 user guide, "Event message structure". The sweeper sends messages of the
same form. The bucket name in a record is ignored: a key names bytes by their hash, and the scanner reads only the
service's own bucket.
"""

import json
from typing import Any
from urllib.parse import quote, unquote_plus

from imagescan.domain.image import hash_from_key


class MalformedMessage(Exception):
    """The message cannot be parsed and never will be. The text gives the reason."""


def image_keys(body: str) -> list[str]:
    """Return the distinct image keys in a notification, in order. Test events and foreign keys yield none.

    Raise MalformedMessage for anything that is not an S3 event notification.
    """
    event = _object(body)
    if event.get("Event") == "s3:TestEvent":
        return []
    records = event.get("Records")
    if not isinstance(records, list):
        raise MalformedMessage("the message has no list of Records")
    keys = [_key(record) for record in records]
    return list(dict.fromkeys(key for key in keys if key and hash_from_key(key)))


def s3_event_message(key: str) -> str:
    """Return the message body that S3 would send for a new object under ``key``."""
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"object": {"key": quote(key)}}}
    return json.dumps({"Records": [record]})


def _object(body: str) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage("the message is not JSON") from error
    if not isinstance(event, dict):
        raise MalformedMessage("the message is not a JSON object")
    return event


def _key(record: Any) -> str | None:
    """Return the decoded key, or None for a record that is not about a created object."""
    try:
        source, name, key = record["eventSource"], record["eventName"], record["s3"]["object"]["key"]
    except (KeyError, TypeError) as error:
        raise MalformedMessage("a record is not an S3 event") from error
    if not all(isinstance(value, str) for value in (source, name, key)):
        raise MalformedMessage("a record is not an S3 event")
    is_upload = source == "aws:s3" and name.removeprefix("s3:").startswith("ObjectCreated:")
    return unquote_plus(key) if is_upload else None
