"""Counts of finished images and requests, and of the calls that they cost."""

from collections.abc import Sequence
from dataclasses import dataclass

from imagescan.domain.image_record import Image, Status
from imagescan.domain.scan_request import ScanRequest, require_answer


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of what finished.

    ``scans`` counts the detector calls that were, or may have been, billed. ``scans_avoided`` counts the requests that
    were answered by a scan made for another request's upload.
    """

    images: int = 0
    scans: int = 0
    completed: int = 0
    failed: int = 0
    scans_avoided: int = 0


def count_totals(finished: Sequence[ScanRequest | Image]) -> Totals:
    """Return the totals of these finished requests and images. Images that were exhausted count with their attempts."""
    images = [each for each in finished if isinstance(each, Image)]
    requests = [each for each in finished if isinstance(each, ScanRequest)]
    statuses = [require_answer(request).status for request in requests]
    return Totals(
        images=sum(image.scan is not None for image in images),
        scans=sum(map(_uncounted_attempts, images)),
        completed=statuses.count(Status.COMPLETED),
        failed=statuses.count(Status.FAILED),
        scans_avoided=sum(map(_avoided_a_scan, requests)),
    )


def _uncounted_attempts(image: Image) -> int:
    """Return the attempts since the image was last reopened. If it finished exhausted, they were counted before."""
    return 0 if image.scan and image.is_exhausted else image.attempts


def _avoided_a_scan(request: ScanRequest) -> bool:
    scan = require_answer(request).scan
    return scan is not None and scan.scanned_for not in {None, request.id}
