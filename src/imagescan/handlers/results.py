"""The results of what was asked at once, each with a status of its own."""

import json
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import orjson

from imagescan.errors import Rejected, TooLarge
from imagescan.handlers import http

type Result = dict[str, Any]

# Lambda lets 6 MB through, and the rest of the answer takes some of it.
MOST_BYTES = 5 * 1024 * 1024
_NO_ROOM = TooLarge("answer_too_large", "It does not fit into one answer with the others. Ask for it by itself.")


def told(status: HTTPStatus, request: Mapping[str, Any]) -> Result:
    """A request, as it was taken or stands."""
    return {"status_code": status, "request": request, "error": None}


def refused(error: Rejected) -> Result:
    """Why there is none."""
    return {"status_code": http.status_of(error), "request": None, "error": http.plain(error)}


def fitting(results: Iterable[Result], most_bytes: int = MOST_BYTES) -> Iterator[Result]:
    """The same, but for those that Lambda would not let through with the others."""
    left = most_bytes
    for result in results:
        size = _size(result)
        if size <= left:
            left -= size
            yield result
        else:
            yield refused(_NO_ROOM)


def _size(result: Result) -> int:
    """Its bytes in what Lambda hands on, where the body is a string in JSON."""
    return len(json.dumps(orjson.dumps(result).decode()))
