"""List requests, newest first."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from imagescan.domain.cursor import ListPosition
from imagescan.domain.errors import BadInput
from imagescan.domain.feature import Feature
from imagescan.domain.image_record import Status
from imagescan.domain.labels import normalized
from imagescan.domain.scan_request import ScanRequest
from imagescan.use_cases.get_request import RequestState
from imagescan.use_cases.get_requests import Images, get_requests

PAGE_SIZE = 100  # limit of BatchGetItem
MAX_QUERIES = 5  # a filter that few requests match must not read the whole table in one call


class Requests(Protocol):
    def newest(self, owner: str | None, before: ListPosition | None, since: float, limit: int) -> list[ListPosition]:
        """Return the positions of the owner's requests created since that time and before that position."""

    def get_many(self, request_ids: Sequence[str]) -> dict[str, ScanRequest]: ...


@dataclass(frozen=True, slots=True)
class ListFilter:
    """Filter for the requests of an owner. ``since`` is in epoch seconds. An empty filter matches all.

    Without authentication, requests have no owner and are listed together.
    """

    status: Status | None = None
    label: str | None = None
    since: float = 0.0
    owner: str | None = None
    feature: Feature | None = None

    def matches(self, request: ScanRequest) -> bool:
        """Return whether the request, with its current answer, matches."""
        status = request.answer.status if request.answer else Status.PENDING
        labels = {normalized(label) for label in request.question.labels}
        return (
            self.status in (None, status)
            and (self.label is None or normalized(self.label) in labels)
            and (self.feature is None or self.feature in request.features)
        )


@dataclass(frozen=True, slots=True)
class ResultPage:
    """A page of requests and the cursor of the next page, which is None at the end. A page may be short."""

    requests: tuple[RequestState, ...]
    next_cursor: str | None


def list_requests(
    criteria: ListFilter, *, limit: int, cursor: str | None, images: Images, requests: Requests, now: float
) -> ResultPage:
    """Return the newest ``limit`` requests that match, starting at ``cursor``. Newer requests do not move the cursor.

    Raise BadInput for an invalid cursor.
    """
    found: list[RequestState] = []
    at = _decode_cursor(cursor) if cursor else None
    for _ in range(MAX_QUERIES):
        positions = requests.newest(criteria.owner, at, criteria.since, PAGE_SIZE)
        ids = [position.request_id for position in positions]
        states = get_requests(ids, images=images, requests=requests, now=now, caller=criteria.owner)
        for position in positions:
            at, state = position, states.get(position.request_id)
            if state and criteria.matches(state.request):
                found.append(state)
            if len(found) == limit:
                return ResultPage(tuple(found), _encode_cursor(position))
        if len(positions) < PAGE_SIZE:
            return ResultPage(tuple(found), None)
    return ResultPage(tuple(found), _encode_cursor(at) if at else None)


def cursor_after(request: ScanRequest) -> str:
    """Return the cursor of a page that continues after this request, for a page that ends before its limit."""
    return _encode_cursor(ListPosition.of(request))


def _encode_cursor(position: ListPosition) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=")


def _decode_cursor(cursor: str) -> ListPosition:
    try:
        return ListPosition.parse(
            base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        )
    except (binascii.Error, ValueError):
        raise BadInput("invalid_cursor", "'cursor' is invalid. Omit it to start from the first page.") from None
