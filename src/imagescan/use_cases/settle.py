"""Settle requests: write the answers of pending requests into their items.

Correctness does not depend on it: it writes only what ``derive_answer`` returns, may run twice, and may be interrupted.
Lists and events read the stored answers, so they are up to date sooner.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import batched
from typing import Protocol

from imagescan.domain.scan_request import ScanRequest

ITEMS_PER_CALL = 25
MIN_SECONDS_PER_CALL = 5.0


class Requests(Protocol):
    def pending_for_image(self, image_hash: str) -> Iterable[ScanRequest]:
        """Return the requests that wait for the image, as an index shows them, read page by page."""

    def settle(self, requests: Sequence[ScanRequest]) -> None:
        """Write these answers (at most ``ITEMS_PER_CALL``), each only if its request is still pending."""


def settle(requests_to_settle: Iterable[ScanRequest], *, requests: Requests, time_left: Callable[[], float]) -> int:
    """Write these answers, 25 per call, and return how many were written.

    Stop early when ``time_left`` (seconds) runs low. The sweeper settles the rest.
    """
    count = 0
    for chunk in batched(requests_to_settle, ITEMS_PER_CALL, strict=False):
        if time_left() < MIN_SECONDS_PER_CALL:
            break
        requests.settle(chunk)
        count += len(chunk)
    return count
