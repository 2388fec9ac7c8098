"""Write the answers of waiting requests into their rows.

Nothing depends on it for correctness: it writes only what ``derive`` would say anyway, may run twice or be cut short.
Listings and notifications read the stored rows, so they come the sooner for it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import batched
from typing import Protocol

from imagescan.requests import Image, ScanRequest, settled

ROWS_A_CALL = 25
SECONDS_FOR_A_CALL = 5.0


class Requests(Protocol):
    def waiting_for(self, image_hash: str) -> Iterable[ScanRequest]:
        """The requests that wait for the image, as an index knows them; read page by page."""

    def settle(self, requests: Sequence[ScanRequest]) -> None:
        """Write these answers, each only where its request still waits. At most ``ROWS_A_CALL`` of them."""


def answered(
    waiting: Iterable[ScanRequest], image_of: Callable[[str], Image | None], now: float
) -> Iterator[ScanRequest]:
    """Those of ``waiting`` that their image or the time has answered, with their answers."""
    return (row for request in waiting if (row := settled(request, image_of(request.image_hash), now)))


def settle(rows: Iterable[ScanRequest], *, requests: Requests, time_left: Callable[[], float]) -> int:
    """Write these answers, 25 to a call; how many were written.

    It stops early when ``time_left`` (seconds) runs short: the sweeper finishes what is left.
    """
    count = 0
    for chunk in batched(rows, ROWS_A_CALL, strict=False):
        if time_left() < SECONDS_FOR_A_CALL:
            break
        requests.settle(chunk)
        count += len(chunk)
    return count
