"""Reads the query of a listing, or of requests by their ids."""

from collections.abc import Mapping
from datetime import UTC, datetime

from imagescan.errors import BadInput
from imagescan.listing import Wanted
from imagescan.requests import Status

USUAL_LIMIT, MOST = 25, 100
_OF_A_LISTING = frozenset({"status", "label", "from", "limit", "cursor"})

type Query = Mapping[str, str]


def wanted(query: Query, owner: str | None) -> Wanted:
    """Which of the owner's requests are to be listed. Raises BadInput for a status or a time that is none."""
    return Wanted(_status(query), query.get("label"), _since(query), owner)


def limit(query: Query) -> int:
    """How many to a page. Raises BadInput outside 1 to 100."""
    asked = query.get("limit", str(USUAL_LIMIT))
    if not (asked.isascii() and asked.isdigit() and len(asked) <= len(str(MOST)) and 1 <= int(asked) <= MOST):
        raise BadInput("invalid_limit", f"'limit' must be a whole number from 1 to {MOST}.")
    return int(asked)


def ids(query: Query) -> list[str]:
    """The requests that are asked for by name. Raises BadInput for none, too many, or a filter beside them."""
    asked = query["ids"].split(",")
    if not (len(asked) <= MOST and all(asked)):
        raise BadInput("invalid_ids", f"'ids' must be 1 to {MOST} request ids with commas between them.")
    if _OF_A_LISTING & query.keys():
        raise BadInput("invalid_ids", f"'ids' goes without {', '.join(sorted(_OF_A_LISTING))}. Leave out either.")
    return asked


def _status(query: Query) -> Status | None:
    try:
        return Status(query["status"]) if "status" in query else None
    except ValueError:
        raise BadInput("invalid_status", f"'status' must be one of {', '.join(Status)}.") from None


def _since(query: Query) -> float:
    try:
        at = datetime.fromisoformat(query["from"]) if "from" in query else datetime.fromtimestamp(0, UTC)
        return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise BadInput("invalid_from", "'from' must be a time such as 2026-11-22T10:00:00Z.") from None
