"""Parses query parameters."""

from collections.abc import Mapping
from datetime import UTC, datetime

from imagescan.domain.errors import BadInput
from imagescan.domain.feature import Feature
from imagescan.domain.image_record import Status
from imagescan.domain.labels import MAX_LABEL_LENGTH, is_valid_label
from imagescan.use_cases.list_requests import ListFilter

DEFAULT_LIMIT, MAX_LIMIT = 25, 100
_LIST_PARAMETERS = ("created_after", "cursor", "feature", "label", "limit", "status")

type Query = Mapping[str, str]


def list_filter(query: Query, owner: str | None) -> ListFilter:
    """Return the filter for a list of the owner's requests. Raise BadInput for an invalid value."""
    return ListFilter(_status(query), _label(query), _created_after(query), owner, _feature(query))


def limit(query: Query) -> int:
    """Return the page size. Raise BadInput outside 1 to 100."""
    text = query.get("limit", str(DEFAULT_LIMIT))
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_LIMIT))
    if not (is_number and 1 <= int(text) <= MAX_LIMIT):
        raise BadInput("invalid_limit", f"'limit' must be an integer between 1 and {MAX_LIMIT}.")
    return int(text)


def ids(query: Query) -> list[str]:
    """Return the requested IDs. Raise BadInput for none, for too many, or in combination with a list parameter."""
    requested = query["ids"].split(",")
    if not (len(requested) <= MAX_LIMIT and all(requested)):
        raise BadInput("invalid_ids", f"'ids' must contain 1 to {MAX_LIMIT} comma-separated request IDs.")
    if not query.keys().isdisjoint(_LIST_PARAMETERS):
        *others, last = _LIST_PARAMETERS
        raise BadInput("invalid_ids", f"'ids' cannot be combined with {', '.join(others)} or {last}.")
    return requested


def wants_debug(query: Query) -> bool:
    """Return whether ``debugData`` is set: any non-empty value except n, no, 0 and false, ignoring case."""
    return query.get("debugData", "").strip().lower() not in {"", "n", "no", "0", "false"}


def _status(query: Query) -> Status | None:
    try:
        return Status(query["status"]) if "status" in query else None
    except ValueError:
        raise BadInput("invalid_status", f"'status' must be one of {', '.join(Status)}.") from None


def _label(query: Query) -> str | None:
    label = query.get("label")
    if label is not None and not is_valid_label(label.strip()):
        raise BadInput(
            "invalid_label", f"'label' must have 1 to {MAX_LABEL_LENGTH} characters, at least one of them visible."
        )
    return label


def _feature(query: Query) -> Feature | None:
    try:
        return Feature(query["feature"]) if "feature" in query else None
    except ValueError:
        raise BadInput("invalid_feature", f"'feature' must be one of {', '.join(Feature)}.") from None


def _created_after(query: Query) -> float:
    try:
        at = datetime.fromisoformat(query["created_after"]) if "created_after" in query else _EPOCH
        return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise BadInput(
            "invalid_created_after", "'created_after' must be an ISO 8601 time such as 2026-11-22T10:00:00Z."
        ) from None


_EPOCH = datetime.fromtimestamp(0, UTC)
