"""The record of one distinct image: its attempts, its lease and its scan. Times are seconds since the Unix epoch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from imagescan.domain.feature import Feature, feature_from_item_key, hash_from_item_key
from imagescan.domain.match import Finding
from imagescan.domain.policy import DAY_SECONDS, MAX_ATTEMPTS, MAX_EXHAUSTIONS_PER_DAY


class Status(StrEnum):
    """State of a request or of an image. It leaves ``pending`` once and never changes again."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Failure:
    """Reason for a failure: a stable code for programs, a sentence for people, and the feature that failed."""

    code: str
    message: str
    feature: Feature = Feature.LABELS


ATTEMPTS_EXHAUSTED = Failure(
    "attempts_exhausted", f"The scan failed after {MAX_ATTEMPTS} attempts. Submit the image again later."
)


class Origin(NamedTuple):
    """The scan of another file with the same content that a scan was copied from.

    ``is_own`` is True if the requests of both files have the same owner.
    """

    scanned_at: float
    is_own: bool = True


@dataclass(frozen=True, slots=True)
class Scan:
    """Result of the one scan of an image for a feature: what was found, or the reason why there is nothing.

    ``finished_at`` is taken before the write that stores it. ``scanned_for`` is the ID of the request whose upload was
    scanned, and ``owner`` the owner of that request. ``content_hash`` is None if the file has no canonical form.
    ``origin`` is None unless the scan is a copy. ``scanned_hash`` is the hash of the file that was scanned, in the item
    of a content only.
    """

    status: Status
    finished_at: float
    findings: tuple[Finding, ...] = ()
    model_version: str | None = None
    failure: Failure | None = None
    scanned_for: str | None = None
    owner: str | None = None
    feature: Feature = Feature.LABELS
    content_hash: str | None = None
    origin: Origin | None = None
    scanned_hash: str | None = None

    @property
    def scanned_at(self) -> float:
        """Time at which the detector returned its findings, perhaps for another file with the same content."""
        return self.origin.scanned_at if self.origin else self.finished_at


class Possession(NamedTuple):
    """Proof that the bytes of an image were received from an owner: posted, or in an upload that arrived.

    ``since`` (epoch seconds) is taken before the write that stores it and never changes. ``granted_for`` is the ID of
    the request with these bytes. The item may be deleted from ``expires_at`` on.
    """

    owner: str
    image_hash: str
    since: float
    granted_for: str
    expires_at: float | None = None

    @property
    def key(self) -> "PossessionKey":
        return PossessionKey(self.owner, self.image_hash)


class PossessionKey(NamedTuple):
    """Identifies what an owner may possess."""

    owner: str
    image_hash: str


@dataclass(frozen=True, slots=True)
class Image:
    """An item of the images table, for one feature of an image. ``scan`` is None until the one terminal write.

    ``key`` is the hash of the image, followed by the name of the feature unless that is ``labels``. The item for the
    labels also holds what concerns all features: the marks for purging, the grants and the time of the last requeue.

    ``first_leased_at`` proves that the bytes existed at that time. ``deferred_at`` holds the times at which a daily
    quota was found exhausted, at most one per day and none after the terminal write. ``exhausted_at`` holds the times
    at which an attempt budget was found exhausted, in ascending order. All of them are taken before the write that
    stores them. ``is_exhausted`` is True from such a write until the image is reopened. An exhausted image is never
    leased. No attempt starts before ``not_before``. ``purge_until`` is the latest time of a mark for purging. Bytes
    that were stored later remain. ``granted_at`` is the latest time at which an owner got possession. ``purge_guard``
    counts marks and grants, so that a purge notices any that came after it read the item. The item may be deleted from
    ``expires_at`` on.
    """

    key: str
    attempts: int = 0
    first_leased_at: float | None = None
    lease_until: float | None = None
    requeued_at: float | None = None
    scan: Scan | None = None
    deferred_at: tuple[float, ...] = ()
    exhausted_at: tuple[float, ...] = ()
    is_exhausted: bool = False
    not_before: float | None = None
    purge_until: float | None = None
    granted_at: float | None = None
    purge_guard: int = 0
    expires_at: float | None = None

    @property
    def hash(self) -> str:
        """Hash of the image."""
        return hash_from_item_key(self.key)

    @property
    def feature(self) -> Feature:
        return feature_from_item_key(self.key)

    @property
    def deferred_until(self) -> float | None:
        """Start of the day to which the image was last deferred, or None if it never was."""
        return next_day(max(self.deferred_at)) if self.deferred_at else None

    def is_deferred(self, now: float) -> bool:
        """Return whether the image waits for the quota of the next day."""
        return self.deferred_until is not None and now < self.deferred_until

    def is_backing_off(self, now: float) -> bool:
        """Return whether the next attempt must wait, because an earlier one may have been billed for nothing."""
        return self.not_before is not None and now < self.not_before

    def can_be_reopened(self, now: float) -> bool:
        """Return whether the image is exhausted and its attempt budget may be renewed today."""
        exhausted_today = sum(next_day(at) == next_day(now) for at in self.exhausted_at)
        return self.is_exhausted and self.scan is None and exhausted_today < MAX_EXHAUSTIONS_PER_DAY

    def first_exhausted_between(self, start: float, end: float) -> float | None:
        """Return the first time in this interval (both ends included) at which an attempt budget was exhausted."""
        return next((at for at in self.exhausted_at if start <= at <= end), None)

    def is_leased(self, now: float) -> bool:
        """Return whether a delivery may still be working on the image."""
        return self.lease_until is not None and self.lease_until >= now


type ImageItems = Mapping[Feature, Image]
"""The items of one image, without those that do not exist."""


def group_by_image(items: Iterable[Image]) -> dict[str, dict[Feature, Image]]:
    """Return the items by the hash of their image and by feature."""
    grouped: dict[str, dict[Feature, Image]] = {}
    for item in items:
        grouped.setdefault(item.hash, {})[item.feature] = item
    return grouped


class LeaseResult(NamedTuple):
    """Whether the lease was granted, and the image's item after the write or as it was when the lease was refused."""

    granted: bool
    image: Image


class PurgeCandidate(NamedTuple):
    """What is marked for purging: the hash of an image, or the object key of a direct upload.

    ``marked_at`` is the time of the first mark in seconds since the epoch.
    """

    key: str
    marked_at: float

    @property
    def is_upload(self) -> bool:
        """Return whether the candidate is the upload of one request instead of an image."""
        return "/" in self.key


def has_expired(item: Image | Possession, now: float) -> bool:
    """Return whether the item may be deleted, and counts as absent."""
    return item.expires_at is not None and item.expires_at <= now


def next_day(now: float) -> float:
    """Return the next midnight in UTC, when the next daily quota starts."""
    return (now // DAY_SECONDS + 1) * DAY_SECONDS
