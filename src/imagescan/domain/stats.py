"""Counts of finished images and requests, and of the calls that they cost."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from imagescan.domain.feature import OTHER_FEATURES, Feature
from imagescan.domain.image_record import Image, Scan, Status
from imagescan.domain.scan_request import ScanRequest, require_answer


@dataclass(frozen=True, slots=True)
class FeatureTotals:
    """The part of the counts that concerns one feature."""

    images: int
    scans: int
    scans_avoided: int
    copies: int


_FEATURE_COUNTS = tuple(field.name for field in fields(FeatureTotals))


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of what finished.

    ``images`` counts the images that have a result, once per feature. ``scans`` counts the detector calls that were, or
    may have been, billed. ``scans_avoided`` counts the calls that requests did not need because their bytes had a
    result. ``copies`` counts the images that got the result of other bytes with the same content. ``completed`` and
    ``failed`` count requests. Fields that begin with the name of a feature are its part of a count, and the rest of
    this count is that of labels.
    """

    images: int = 0
    scans: int = 0
    completed: int = 0
    failed: int = 0
    scans_avoided: int = 0
    copies: int = 0
    moderation_images: int = 0
    moderation_scans: int = 0
    moderation_scans_avoided: int = 0
    moderation_copies: int = 0
    text_images: int = 0
    text_scans: int = 0
    text_scans_avoided: int = 0
    text_copies: int = 0

    @property
    def by_feature(self) -> dict[Feature, FeatureTotals]:
        """The counts of each feature."""
        others = {feature: self._of(feature) for feature in OTHER_FEATURES}
        labels = FeatureTotals(
            self.images - sum(each.images for each in others.values()),
            self.scans - sum(each.scans for each in others.values()),
            self.scans_avoided - sum(each.scans_avoided for each in others.values()),
            self.copies - sum(each.copies for each in others.values()),
        )
        return {Feature.LABELS: labels, **others}

    def _of(self, feature: Feature) -> FeatureTotals:
        return FeatureTotals(*(getattr(self, f"{feature}_{name}") for name in _FEATURE_COUNTS))


def count_totals(finished: Sequence[ScanRequest | Image]) -> Totals:
    """Return the totals of these finished requests and images. Images that were exhausted count with their attempts."""
    images = [each for each in finished if isinstance(each, Image)]
    requests = [each for each in finished if isinstance(each, ScanRequest)]
    statuses = [require_answer(request).status for request in requests]
    avoided = [scan for request in requests for scan in require_answer(request).scans if _is_avoided(request, scan)]
    counts = {
        "images": Counter(image.feature for image in images if image.scan),
        "scans": _count_scans(images),
        "scans_avoided": Counter(scan.feature for scan in avoided),
        "copies": Counter(image.feature for image in images if image.scan and image.scan.origin),
    }
    return Totals(
        completed=statuses.count(Status.COMPLETED),
        failed=statuses.count(Status.FAILED),
        **{name: count.total() for name, count in counts.items()},
        **{f"{feature}_{name}": count[feature] for name, count in counts.items() for feature in OTHER_FEATURES},
    )


def _count_scans(images: Iterable[Image]) -> Counter[Feature]:
    scans: Counter[Feature] = Counter()
    for image in images:
        scans[image.feature] += _uncounted_attempts(image)
    return scans


def _uncounted_attempts(image: Image) -> int:
    """Return the attempts since the image was last reopened. If it finished exhausted, they were counted before."""
    return 0 if image.scan and image.is_exhausted else image.attempts


def _is_avoided(request: ScanRequest, scan: Scan) -> bool:
    return scan.scanned_for not in {None, request.id}
