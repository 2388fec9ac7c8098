"""A request, the image it waits for, and the one function that says how the request stands. Pure.

Times are seconds since the Unix epoch.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from imagescan.labels import Label, Question, Verdict, judge

# Longer than any Lambda time-out plus clock skew, so that no terminal write that lands late can overturn a time-out.
GRACE_SECONDS = 20 * 60
DAY_SECONDS = 24 * 3600


class Status(StrEnum):
    """How a request, or an image, stands. It leaves ``pending`` once and never changes again."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer: a stable code for programs and a sentence for people."""

    code: str
    message: str


TIMED_OUT = Failure("timed_out", "The image was not scanned before the request's deadline. Submit it again.")
NEVER_UPLOADED = Failure("never_uploaded", "The image was not uploaded before the request's deadline. Submit it again.")
ATTEMPTS_EXHAUSTED = Failure(
    "attempts_exhausted", "Scanning the image was broken off too often. Ask the service's operator to rescan it."
)


@dataclass(frozen=True, slots=True)
class Scan:
    """What one scan of an image's bytes ended with: labels, or the reason why there are none.

    ``finished_at`` is taken before the write that stores it. ``scanned_for`` is the request whose upload was scanned.
    """

    status: Status
    finished_at: float
    labels: tuple[Label, ...] = ()
    model_version: str | None = None
    failure: Failure | None = None
    scanned_for: str | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A row of the images table. ``scan`` is None until the one terminal write.

    ``first_leased_at`` tells that its bytes were there by then; it is taken before the write that stores it. So are
    ``put_off_at``, the times at which a day's budget was spent, one for each day; none comes after the terminal write.
    """

    hash: str
    attempts: int = 0
    first_leased_at: float | None = None
    lease_until: float | None = None
    queued_again_at: float | None = None
    scan: Scan | None = None
    put_off_at: tuple[float, ...] = ()

    @property
    def waits_until(self) -> float | None:
        """When the budget begins that it was put off to, the last time that it was; None when it never was."""
        return next_day(max(self.put_off_at)) if self.put_off_at else None

    def is_put_off(self, now: float) -> bool:
        """Whether it waits for the next day's budget."""
        return self.waits_until is not None and now < self.waits_until

    def is_leased(self, now: float) -> bool:
        """Whether a delivery may still be at work on it."""
        return self.lease_until is not None and self.lease_until >= now


@dataclass(frozen=True, slots=True)
class Lease:
    """Whether the lease was granted, and the image's row as the write left or met it."""

    granted: bool
    image: Image


@dataclass(frozen=True, slots=True)
class Marked:
    """An image that is to be removed, and since when (epoch seconds)."""

    image_hash: str
    since: float


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request ended. It never changes and holds all that its reader is told."""

    status: Status
    completed_at: float
    scan: Scan | None = None
    verdict: Verdict | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """A row of the requests table. ``answer`` is None until it is settled, which may be long after it is answered.

    ``awaits_upload`` says that its bytes were still to come when it was made. ``reference`` is the caller's own word
    for it. ``fingerprint`` is what a repeated idempotency key has to repeat, where one was given. ``owner`` is the
    caller who made it, where callers are known.
    """

    id: str
    image_hash: str
    image_key: str
    question: Question
    created_at: float
    deadline: float
    awaits_upload: bool = False
    reference: str | None = None
    fingerprint: str | None = None
    owner: str | None = None
    answer: Answer | None = None

    def is_open_to(self, caller: str | None) -> bool:
        """Whether the caller may know of it: it is theirs, or nobody's."""
        return self.owner is None or self.owner == caller


@dataclass(frozen=True, slots=True)
class Upload:
    """Where and with which headers the bytes of an announced image are to be PUT, and until when (epoch seconds)."""

    url: str
    headers: Mapping[str, str]
    expires_at: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A further question about the image of an answered request, with its verdict."""

    request: ScanRequest
    question: Question
    verdict: Verdict


_POSITION = re.compile(r"([0-9]{10}\.[0-9]{3})#([!-~]{1,36})")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where a request stands among all by the time it was made, requests of the same millisecond by their ids."""

    made: float
    request_id: str

    @classmethod
    def of(cls, request: ScanRequest) -> "Position":
        return cls(round(request.created_at, 3), request.id)

    @classmethod
    def parse(cls, written: str) -> "Position":
        """Reads what ``str`` wrote. Raises ValueError for anything else."""
        found = _POSITION.fullmatch(written)
        if not found:
            raise ValueError(f"{written!r} is not a position")
        return cls(float(found[1]), found[2])

    def __str__(self) -> str:
        """In a form that sorts as positions do."""
        return f"{self.made:014.3f}#{self.request_id}"


def next_day(now: float) -> float:
    """The next midnight in UTC, when another day's budget begins."""
    return (now // DAY_SECONDS + 1) * DAY_SECONDS


def deadline_of(request: ScanRequest, image: Image | None) -> float:
    """When the request times out. An answered row says so itself; before, each day's wait for budget may put it off.

    A wait counts when it began by the deadline, and leaves as long after it as the request had at first. So from
    ``GRACE_SECONDS`` after the deadline on, which no write of such a wait outlives, this changes no more.
    """
    deadline = request.deadline
    if request.answer or image is None:
        return deadline
    allowed = request.deadline - request.created_at
    for began in sorted(image.put_off_at):
        if began <= deadline:
            deadline = max(deadline, next_day(began) + allowed)
    return deadline


def derive(request: ScanRequest, image: Image | None, now: float) -> Answer | None:
    """The request's answer as of ``now``, or None while it is pending.

    Total, and monotone in time: once it has an answer, every later call gives the same one, whenever the request is
    settled. A scan counts when it finished by the deadline; ``GRACE_SECONDS`` after the deadline no such scan can
    still be on its way, nor can a wait that would put the deadline off.
    """
    if request.answer:
        return request.answer
    deadline = deadline_of(request, image)
    if image and image.scan and image.scan.finished_at <= deadline:
        return _answered_by(image.scan, request)
    if (image and image.scan) or now > deadline + GRACE_SECONDS:
        return Answer(Status.FAILED, deadline, failure=_why_too_late(request, image))
    return None


def settled(request: ScanRequest, image: Image | None, now: float) -> ScanRequest | None:
    """The request with its answer and its last deadline written into it, or None while it is pending."""
    if request.answer:
        return request
    answer = derive(request, image, now)
    return replace(request, answer=answer, deadline=deadline_of(request, image)) if answer else None


def answer_of(request: ScanRequest) -> Answer:
    """The answer of a request that has ended. Raises ValueError for one that has not."""
    if request.answer is None:
        raise ValueError(f"request {request.id} has no answer")
    return request.answer


def is_shared(request: ScanRequest, scan: Scan) -> bool:
    """Whether the scan was made for another request's upload, so that this one cost nothing."""
    return scan.scanned_for != request.id


def _why_too_late(request: ScanRequest, image: Image | None) -> Failure:
    came_in_time = image and image.first_leased_at is not None and image.first_leased_at <= request.deadline
    return NEVER_UPLOADED if request.awaits_upload and not came_in_time else TIMED_OUT


def _answered_by(scan: Scan, request: ScanRequest) -> Answer:
    completed_at = max(scan.finished_at, request.created_at)
    if scan.failure:
        return Answer(Status.FAILED, completed_at, scan, failure=scan.failure)
    return Answer(Status.COMPLETED, completed_at, scan, judge(request.question, scan.labels))
