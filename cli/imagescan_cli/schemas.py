"""Response bodies of the API: validation and interpretation. Pure.

Validation matters because another server at the configured URL, such as a proxy, may return JSON as well.
"""

from enum import StrEnum
from typing import Any

type RequestJson = dict[str, Any]
"""A response body of the API, or a failure of the CLI in the same form."""

# The image itself may be valid, so a new request can succeed. All other failures are permanent.
_RETRYABLE_CODES = frozenset({"timed_out", "never_uploaded", "attempts_exhausted"})


DELETED: RequestJson = {"deleted": True}
"""Stands for the empty body of a successful deletion."""


class Outcome(StrEnum):
    """Outcome of a request."""

    MATCH = "match"
    NO_MATCH = "no match"
    SCANNED = "scanned"  # without a question
    FAILED = "failed"
    PENDING = "pending"


def is_request(body: Any) -> bool:
    """Return whether a body is a valid request."""
    match body:
        case {"status": "completed", "request_id": str(), "message": str()}:
            return _has_verdict(body) and _is_upload(body.get("upload"))
        case {"status": "failed", "request_id": str(), "message": str(), "failure": {"code": str()}} | {
            "status": "pending",
            "request_id": str(),
            "message": str(),
        }:
            return _is_upload(body.get("upload"))
    return False


def is_follow_up_answer(body: Any) -> bool:
    """Return whether a body is a valid answer to a follow-up question."""
    match body:
        case {"request_id": str(), "message": str()}:
            return _has_verdict(body)
    return False


def is_page(body: object) -> bool:
    """Return whether a body is a valid page of requests."""
    match body:
        case {"requests": [*requests], "next_cursor": None | str()}:
            return all(map(is_request, requests))
    return False


def is_statistics(body: Any) -> bool:
    """Return whether a body contains usage statistics."""
    match body:
        case {"images": int(), "requests": int(), "scans": int(), "as_of": str()}:
            return _are_counters(body.get("scans_avoided_by", {})) and _is_by_feature(body.get("by_feature", {}))
    return False


def is_deleted(body: object) -> bool:
    """Return whether a response confirms a deletion."""
    return body is DELETED


def is_batch(size: int, body: object) -> bool:
    """Return whether a body is a valid batch response with ``size`` results."""
    match body:
        case {"results": [*results]} if len(results) == size:
            return all(map(_is_batch_result, results))
    return False


def outcome(result: RequestJson) -> Outcome:
    """Return the outcome of a request. An answer to a follow-up question has no status and counts as completed."""
    status = result.get("status", "completed")
    if status != "completed":
        return Outcome(status)
    if result["label_matched"] is None:
        return Outcome.SCANNED
    return Outcome.MATCH if result["label_matched"] else Outcome.NO_MATCH


def has_failed(result: RequestJson) -> bool:
    """Return whether a result is a failure."""
    return result.get("status") == "failed"


def failure_code(result: RequestJson) -> str | None:
    """Return the code of a failure, or None."""
    return (result.get("failure") or {}).get("code")


def is_retryable(request: RequestJson) -> bool:
    """Return whether a request failed for a reason that does not depend on the image, so a new request can succeed."""
    return failure_code(request) in _RETRYABLE_CODES


def is_api_error(body: RequestJson) -> bool:
    """Return whether a body is an error of the API itself. ``not_found`` means that the URL has no such path."""
    match body:
        case {"code": str() as code, "message": str()}:
            return code != "not_found"
    return False


def failed_request(code: str, message: str, request_id: str | None = None) -> RequestJson:
    """Return a failure of the CLI in the form of a failed request."""
    return {
        "request_id": request_id,
        "status": "failed",
        "message": message,
        "label_matched": None,
        "failure": {"code": code, "message": message},
    }


def _has_verdict(body: RequestJson) -> bool:
    """Return whether a finished request has a verdict, or none because it asked nothing."""
    match body:
        case {"label_matched": bool()}:
            return True
        case {"label_matched": None, "labels_asked": [], "moderation_asked": [], "text_asked": []}:
            return True
    return False


def _is_by_feature(body: object) -> bool:
    return isinstance(body, dict) and all(
        isinstance(part, dict)
        and _are_counters(part.get("scans_avoided_by", {}))
        and _are_counters({name: count for name, count in part.items() if name != "scans_avoided_by"})
        for part in body.values()
    )


def _are_counters(body: object) -> bool:
    return isinstance(body, dict) and all(isinstance(count, int) for count in body.values())


def _is_batch_result(body: object) -> bool:
    match body:
        case {"status_code": int(), "request": None, "error": {"code": str(), "message": str()}}:
            return True
        case {"status_code": int(), "request": request, "error": None}:
            return is_request(request)
    return False


def _is_upload(body: object) -> bool:
    match body:
        case None | {"method": str(), "url": str(), "headers": dict()}:
            return True
    return False
