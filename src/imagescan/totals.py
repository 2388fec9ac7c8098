"""How many images and requests came to their end, and what that cost. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from imagescan.requests import Image, ScanRequest, Status, answer_of


@dataclass(frozen=True, slots=True)
class Totals:
    """How much came to its end.

    ``scans`` are the calls of the detector that were, or may have been, paid for; ``calls_saved`` are the requests that
    a scan made for another's upload answered.
    """

    images: int = 0
    scans: int = 0
    completed: int = 0
    failed: int = 0
    calls_saved: int = 0


def tally(ended: Sequence[ScanRequest | Image]) -> Totals:
    """How much all of this comes to."""
    images = [each for each in ended if isinstance(each, Image)]
    requests = [each for each in ended if isinstance(each, ScanRequest)]
    statuses = [answer_of(request).status for request in requests]
    return Totals(
        images=len(images),
        scans=sum(image.attempts for image in images),
        completed=statuses.count(Status.COMPLETED),
        failed=statuses.count(Status.FAILED),
        calls_saved=sum(map(_saved_a_call, requests)),
    )


def _saved_a_call(request: ScanRequest) -> bool:
    scan = answer_of(request).scan
    return scan is not None and scan.scanned_for not in {None, request.id}
