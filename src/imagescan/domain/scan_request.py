"""A request, and the pure functions that derive its answer from its own item and its image's item.

Times are seconds since the Unix epoch.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeIs

from imagescan.domain.image_record import (
    ATTEMPTS_EXHAUSTED,
    Failure,
    Image,
    Possession,
    PossessionKey,
    Scan,
    Status,
    next_day,
)
from imagescan.domain.policy import GRACE_SECONDS
from imagescan.domain.question import Question, Verdict, evaluate

TIMED_OUT = Failure("timed_out", "The image was not scanned before the deadline. Submit it again.")
NEVER_UPLOADED = Failure("never_uploaded", "The image was not uploaded before the deadline. Submit it again.")


@dataclass(frozen=True, slots=True)
class Answer:
    """Final outcome of a request. It never changes and needs no other item to be read."""

    status: Status
    completed_at: float
    scan: Scan | None = None
    verdict: Verdict | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """An item of the requests table. ``answer`` is None until the request is settled, which may follow the scan later.

    ``awaits_upload`` is True if the bytes were not sent with the request. ``reference`` is the caller's own text.
    ``payload_hash`` identifies the payload that a repeated idempotency key must repeat. ``owner`` identifies the caller
    if authentication is enabled.
    """

    id: str
    image_hash: str
    image_key: str
    question: Question
    created_at: float
    deadline: float
    awaits_upload: bool = False
    reference: str | None = None
    payload_hash: str | None = None
    owner: str | None = None
    answer: Answer | None = None

    def is_visible_to(self, caller: str | None) -> bool:
        """Return whether the caller may read the request: it is theirs, or it has no owner."""
        return self.owner is None or self.owner == caller


@dataclass(frozen=True, slots=True)
class DeletedRequest:
    """What remains of a deleted request, so that a repeated key or a late upload does not create it again."""

    id: str


def possession_key(request: ScanRequest) -> PossessionKey | None:
    """Return what proves that the owner has the image of the request, or None if requests have no owners."""
    return PossessionKey(request.owner, request.image_hash) if request.owner is not None else None


def visible_image(request: ScanRequest, image: Image | None, possession: Possession | None) -> Image | None:
    """Return the item of the request's image as its owner may see it.

    Without authentication, that is the item. An owner sees nothing of an image before its bytes were received from them
    by the deadline of the request. A scan for another owner appears as the scan of the bytes that were received, and
    exhausted attempts before that time do not count. A stored request with posted bytes proves that they were received.
    """
    if request.owner is None:
        return image
    posted = Possession(request.owner, request.image_hash, request.created_at, request.id)
    if not request.awaits_upload and (possession is None or possession.since > posted.since):
        possession = posted
    if possession is None or possession.since > request.deadline:
        return None
    since = possession.since
    seen = image or Image(request.image_hash)
    return replace(
        seen,
        first_leased_at=since,  # never changes, unlike the time in the item
        scan=_visible_scan(seen.scan, possession) if seen.scan else None,
        exhausted_at=tuple(at for at in seen.exhausted_at if at >= since),
        requeued_at=seen.requeued_at if (seen.requeued_at or 0) >= since else None,
    )


def _visible_scan(scan: Scan, possession: Possession) -> Scan:
    scanned_for = scan.scanned_for if scan.owner == possession.owner else possession.granted_for
    return replace(scan, finished_at=max(scan.finished_at, possession.since), scanned_for=scanned_for, owner=None)


def exists(request: ScanRequest | DeletedRequest | None) -> TypeIs[ScanRequest]:
    """Return whether the request was stored and not deleted."""
    return request is not None and not isinstance(request, DeletedRequest)


@dataclass(frozen=True, slots=True)
class PendingPage:
    """A page of pending requests, and the position at which it starts (None for the first page).

    ``malformed`` holds the IDs of items that cannot be decoded.
    """

    start: str | None
    requests: tuple[ScanRequest, ...]
    malformed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Upload:
    """A presigned PUT: its URL, the headers to send, and its expiry in seconds since the epoch."""

    url: str
    headers: Mapping[str, str]
    expires_at: float


@dataclass(frozen=True, slots=True)
class FollowUpAnswer:
    """A follow-up question about the image of a completed request, with its verdict."""

    request: ScanRequest
    question: Question
    verdict: Verdict


def effective_deadline(request: ScanRequest, image: Image | None, until: float = math.inf) -> float:
    """Return the time at which the request times out, including the days for which its image was deferred.

    A deferral counts if it began by the deadline. It moves the deadline to the same interval after the next midnight.
    No such write can arrive later than ``GRACE_SECONDS`` after the deadline, so the result is final from then on. A
    settled request stores its own deadline. Deferrals after ``until``, when the request was answered, do not count.
    """
    deadline = request.deadline
    if request.answer or image is None:
        return deadline
    allowed = request.deadline - request.created_at
    for began in sorted(image.deferred_at):
        if began <= min(deadline, until):
            deadline = max(deadline, next_day(began) + allowed)
    return deadline


def derive_answer(request: ScanRequest, image: Image | None, now: float) -> Answer | None:
    """Return the answer of the request as of ``now``, or None while it is pending.

    The function is total and monotone in time: once it returns an answer, every later call returns the same one,
    whenever the request is settled. A scan counts if it finished by the deadline. ``GRACE_SECONDS`` after the deadline,
    no such scan and no deferral that would move the deadline can still arrive.

    A request fails if the attempts of its image were exhausted between its creation and its deadline, even if a scan
    finished. An exhaustion is only recorded while the image is pending, but a late terminal write may follow it.
    """
    if request.answer:
        return request.answer
    deadline = effective_deadline(request, image)
    exhausted_at = image.first_exhausted_between(request.created_at, deadline) if image else None
    if exhausted_at is not None:
        return Answer(Status.FAILED, exhausted_at, failure=ATTEMPTS_EXHAUSTED)
    if image and image.scan and image.scan.finished_at <= deadline:
        return _answer_from_scan(image.scan, request)
    if (image and image.scan) or now > deadline + GRACE_SECONDS:
        return Answer(Status.FAILED, deadline, failure=_timeout_failure(request, image))
    return None


def with_answer(request: ScanRequest, image: Image | None, now: float) -> ScanRequest | None:
    """Return the request with its answer and its effective deadline, or None while it is pending."""
    if request.answer:
        return request
    answer = derive_answer(request, image, now)
    if answer is None:
        return None
    return replace(request, answer=answer, deadline=effective_deadline(request, image, answer.completed_at))


def needs_reopening(request: ScanRequest, image: Image, visible: Image, now: float) -> bool:
    """Return whether the image must be reopened for this request, which sees it as ``visible``, and may be.

    That is so for a request that was created after the attempts were exhausted. An earlier one has failed.
    """
    return image.can_be_reopened(now) and visible.first_exhausted_between(request.created_at, math.inf) is None


def require_answer(request: ScanRequest) -> Answer:
    """Return the answer of a finished request. Raise ValueError for a pending one."""
    if request.answer is None:
        raise ValueError(f"request {request.id} has no answer")
    return request.answer


def is_reused_scan(request: ScanRequest, scan: Scan) -> bool:
    """Return whether the scan was made for the upload of another request, so that this request cost nothing."""
    return scan.scanned_for != request.id


def _timeout_failure(request: ScanRequest, image: Image | None) -> Failure:
    arrived_in_time = image and image.first_leased_at is not None and image.first_leased_at <= request.deadline
    return NEVER_UPLOADED if request.awaits_upload and not arrived_in_time else TIMED_OUT


def _answer_from_scan(scan: Scan, request: ScanRequest) -> Answer:
    completed_at = max(scan.finished_at, request.created_at)
    if scan.failure:
        return Answer(Status.FAILED, completed_at, scan, failure=scan.failure)
    return Answer(Status.COMPLETED, completed_at, scan, evaluate(request.question, scan.labels))
