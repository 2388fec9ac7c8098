"""Results of batch operations, each with its own status code."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson

from imagescan.api import http
from imagescan.domain.errors import ApiError, TooLarge

type BatchItemResult = dict[str, Any]

MAX_RESPONSE_BYTES = 5 * 1024 * 1024
"""Lambda returns at most 6 MB, which includes the rest of the response."""
_DOES_NOT_FIT = TooLarge("response_too_large", "The response would exceed 5 MB. Get this request on its own by its ID.")


def success(status: HTTPStatus, request: Mapping[str, Any]) -> BatchItemResult:
    """Return the result for a request that was accepted or found."""
    return {"status_code": status, "request": request, "error": None}


def failure(error: ApiError) -> BatchItemResult:
    """Return the result for an error."""
    return {"status_code": http.http_status_for_error(error), "request": None, "error": http.error_body(error)}


def limit_size(results: Iterable[BatchItemResult], max_bytes: int = MAX_RESPONSE_BYTES) -> Iterator[BatchItemResult]:
    """Replace results that would make the response exceed ``max_bytes`` by an error."""
    remaining = max_bytes
    for result in results:
        size = _size(result)
        if size <= remaining:
            remaining -= size
            yield result
        else:
            yield failure(_DOES_NOT_FIT)


def count_fitting(bodies: Sequence[Mapping[str, Any]], max_bytes: int = MAX_RESPONSE_BYTES) -> int:
    """Return how many of the first bodies fit into a response, and at least one, so that pages always advance."""
    total = 0
    for count, body in enumerate(bodies):
        total += _size(body)
        if total > max_bytes:
            return max(1, count)
    return len(bodies)


def _size(result: Mapping[str, Any]) -> int:
    """Return the size in the response of the function, which contains the body as a JSON string."""
    return len(json.dumps(orjson.dumps(result).decode()))
