"""List requests, newest first."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from imagescan.errors import BadInput
from imagescan.labels import normalized
from imagescan.requests import Position, ScanRequest, Status
from imagescan.standings import Images, standings
from imagescan.status import Standing

ROWS_AT_ONCE = 100  # what one BatchGetItem takes
MOST_ROUNDS = 5  # a filter that few requests pass must not read the table through in one call


class Requests(Protocol):
    def newest(self, owner: str | None, before: Position | None, since: float, limit: int) -> list[Position]:
        """The positions of the owner's requests made from ``since`` on and before that position, newest first."""

    def get_many(self, request_ids: Sequence[str]) -> dict[str, ScanRequest]: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of a caller's requests to list: all where nothing is said. ``since`` in epoch seconds.

    Where callers are not known, their requests have no owner and are listed together.
    """

    status: Status | None = None
    label: str | None = None
    since: float = 0.0
    owner: str | None = None

    def takes(self, request: ScanRequest) -> bool:
        """Whether the request, as it stands, is one of them."""
        stands = request.answer.status if request.answer else Status.PENDING
        asked = {normalized(label) for label in request.question.labels}
        return self.status in (None, stands) and (self.label is None or normalized(self.label) in asked)


@dataclass(frozen=True, slots=True)
class Page:
    """Requests as they stand, and where the next page begins; None at the end. A page may be short and not the last."""

    requests: tuple[Standing, ...]
    cursor: str | None


def listing(wanted: Wanted, *, limit: int, cursor: str | None, images: Images, requests: Requests, now: float) -> Page:
    """The newest ``limit`` requests that are wanted, from ``cursor`` on. Requests made since then do not move it.

    Raises BadInput for a cursor that no page gave.
    """
    found: list[Standing] = []
    at = _opened(cursor) if cursor else None
    for _ in range(MOST_ROUNDS):
        positions = requests.newest(wanted.owner, at, wanted.since, ROWS_AT_ONCE)
        ids = [position.request_id for position in positions]
        stand = standings(ids, images=images, requests=requests, now=now, caller=wanted.owner)
        for position in positions:
            at, stands = position, stand.get(position.request_id)
            if stands and wanted.takes(stands.request):
                found.append(stands)
            if len(found) == limit:
                return Page(tuple(found), _sealed(position))
        if len(positions) < ROWS_AT_ONCE:
            return Page(tuple(found), None)
    return Page(tuple(found), _sealed(at) if at else None)


def _sealed(position: Position) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=")


def _opened(cursor: str) -> Position:
    try:
        return Position.parse(
            base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        )
    except (binascii.Error, ValueError):
        raise BadInput(
            "invalid_cursor", "'cursor' is not one that a page of this list gave. Begin without one."
        ) from None
