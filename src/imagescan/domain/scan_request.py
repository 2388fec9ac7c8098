"""A request, and the pure functions that derive its answer from its own item and the items of its image.

A request waits for all features that its question needs. Each feature of an image has an item of its own.

Times are seconds since the Unix epoch.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeIs

from imagescan.domain.feature import Feature, item_key
from imagescan.domain.image import UPLOAD_PREFIX
from imagescan.domain.image_record import (
    ATTEMPTS_EXHAUSTED,
    Failure,
    Image,
    ImageItems,
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
    """Final outcome of a request. It never changes and needs no other item to be read.

    ``scans`` holds what was scanned in time, at most one scan per feature.
    """

    status: Status
    completed_at: float
    scans: tuple[Scan, ...] = ()
    verdict: Verdict | None = None
    failure: Failure | None = None

    def scan(self, feature: Feature) -> Scan | None:
        """Return the scan for the feature, or None if the request does not need it or failed without it."""
        return next((scan for scan in self.scans if scan.feature == feature), None)

    @property
    def scanned_at(self) -> float | None:
        """Time of the last of the scans."""
        return max((scan.scanned_at for scan in self.scans), default=None)

    @property
    def content_hash(self) -> str | None:
        """Hash of the content of the image, or None if the image has no canonical form or was not scanned."""
        return next((scan.content_hash for scan in self.scans if scan.content_hash), None)


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

    @property
    def has_own_object(self) -> bool:
        """Return whether no other request uses the object that holds, or will hold, the bytes."""
        return self.image_key.startswith(UPLOAD_PREFIX)

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features that the answer needs."""
        return self.question.features

    @property
    def item_keys(self) -> tuple[str, ...]:
        """The keys of the items that the answer needs."""
        return tuple(item_key(self.image_hash, feature) for feature in self.features)

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


def visible_items(request: ScanRequest, items: ImageItems, possession: Possession | None) -> ImageItems | None:
    """Return the items of the request's image as its owner may see them.

    Without authentication, these are the items. An owner sees nothing of an image before its bytes were received from
    them by the deadline of the request. A scan for another owner appears as the scan of the bytes that were received,
    also if it was copied from that of another file, and exhausted attempts before that time do not count. A stored
    request with posted bytes proves that they were received.
    """
    if request.owner is None:
        return items
    posted = Possession(request.owner, request.image_hash, request.created_at, request.id)
    if not request.awaits_upload and (possession is None or possession.since > posted.since):
        possession = posted
    if possession is None or possession.since > request.deadline:
        return None
    absent = {feature: Image(item_key(request.image_hash, feature)) for feature in request.features}
    return {feature: _visible_item(item, possession) for feature, item in {**absent, **items}.items()}


def _visible_item(item: Image, possession: Possession) -> Image:
    since = possession.since
    return replace(
        item,
        first_leased_at=since,  # never changes, unlike the time in the item
        scan=_visible_scan(item.scan, possession) if item.scan else None,
        exhausted_at=tuple(at for at in item.exhausted_at if at >= since),
        requeued_at=item.requeued_at if (item.requeued_at or 0) >= since else None,
    )


def _visible_scan(scan: Scan, possession: Possession) -> Scan:
    is_own = scan.owner == possession.owner
    return replace(
        scan,
        finished_at=max(scan.finished_at, possession.since),
        scanned_for=scan.scanned_for if is_own else possession.granted_for,
        owner=None,
        origin=scan.origin if is_own and scan.origin and scan.origin.is_own else None,
    )


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


def effective_deadline(request: ScanRequest, items: ImageItems | None) -> float:
    """Return the time at which the request times out, including the days for which its image was deferred.

    Each feature that the request needs can be deferred on its own. The latest of their deadlines is returned. A settled
    request stores its own deadline.
    """
    if request.answer or not items:
        return request.deadline
    return max(feature_deadline(request, items.get(feature)) for feature in request.features)


def feature_deadline(request: ScanRequest, item: Image | None, until: float = math.inf) -> float:
    """Return the time by which the scan for one feature must finish.

    A deferral counts if it began by the deadline. It moves the deadline to the same interval after the next midnight.
    No such write can arrive later than ``GRACE_SECONDS`` after the deadline, so the result is final from then on.
    Deferrals after ``until``, when the feature was decided, do not count.
    """
    deadline = request.deadline
    if request.answer or item is None:
        return deadline
    allowed = request.deadline - request.created_at
    for began in sorted(item.deferred_at):
        if began <= min(deadline, until):
            deadline = max(deadline, next_day(began) + allowed)
    return deadline


def deferred_until(request: ScanRequest, items: ImageItems | None, now: float) -> float | None:
    """Return the start of the day to which a pending request is deferred as of ``now``, or None if it is not.

    A request whose features are deferred to different days waits for the latest.
    """
    needed = [item for feature in request.features if (item := (items or {}).get(feature))]
    days = [item.deferred_until for item in needed if item.deferred_until and item.is_deferred(now) and not item.scan]
    return None if request.answer else max(days, default=None)


class FeatureOutcome(NamedTuple):
    """What is final about one feature of a request: its scan, or the failure, or both if the image was rejected."""

    decided_at: float
    deadline: float
    scan: Scan | None = None
    failure: Failure | None = None


def derive_outcome(
    request: ScanRequest, feature: Feature, items: ImageItems | None, now: float
) -> FeatureOutcome | None:
    """Return the outcome of one feature of the request as of ``now``, or None while it is pending.

    The function is total and monotone in time: once it returns an outcome, every later call returns the same one,
    whenever the request is settled. A scan counts if it finished by the deadline. ``GRACE_SECONDS`` after the deadline,
    no such scan and no deferral that would move the deadline can still arrive.

    A feature fails if its attempts were exhausted between the request's creation and its deadline, even if a scan
    finished. An exhaustion is only recorded while the item is pending, but a late terminal write may follow it.
    """
    item = items.get(feature) if items else None
    deadline = feature_deadline(request, item)
    exhausted_at = item.first_exhausted_between(request.created_at, deadline) if item else None
    if exhausted_at is not None:
        return FeatureOutcome(exhausted_at, feature_deadline(request, item, exhausted_at), failure=ATTEMPTS_EXHAUSTED)
    if item and item.scan and item.scan.finished_at <= deadline:
        decided_at = max(item.scan.finished_at, request.created_at)
        return FeatureOutcome(decided_at, feature_deadline(request, item, decided_at), item.scan, item.scan.failure)
    if (item and item.scan) or now > deadline + GRACE_SECONDS:
        return FeatureOutcome(deadline, deadline, failure=_timeout_failure(request, item, items))
    return None


def derive_answer(request: ScanRequest, items: ImageItems | None, now: float) -> Answer | None:
    """Return the answer of the request as of ``now``, or None while one of its features is pending.

    It combines the outcomes of all features, each of which is final, so that it never changes either. In particular, a
    request does not fail before all of its features are decided: which failure comes first could depend on writes that
    arrive late. Of several failures, it has that of the first feature.
    """
    if request.answer:
        return request.answer
    outcomes = _outcomes(request, items, now)
    return _combined(request, outcomes) if outcomes else None


def with_answer(request: ScanRequest, items: ImageItems | None, now: float) -> ScanRequest | None:
    """Return the request with its answer and its effective deadline, or None while it is pending."""
    if request.answer:
        return request
    outcomes = _outcomes(request, items, now)
    if outcomes is None:
        return None
    deadline = max(outcome.deadline for outcome in outcomes.values())
    return replace(request, answer=_combined(request, outcomes), deadline=deadline)


def _outcomes(request: ScanRequest, items: ImageItems | None, now: float) -> dict[Feature, FeatureOutcome] | None:
    """Return the outcome of each feature, or None while one is pending."""
    outcomes = {feature: derive_outcome(request, feature, items, now) for feature in request.features}
    decided = {feature: outcome for feature, outcome in outcomes.items() if outcome}
    return decided if len(decided) == len(outcomes) else None


def _combined(request: ScanRequest, outcomes: Mapping[Feature, FeatureOutcome]) -> Answer:
    completed_at = max(outcome.decided_at for outcome in outcomes.values())
    scans = tuple(outcome.scan for outcome in outcomes.values() if outcome.scan)
    failures = [_failure_of(feature, each.failure, request) for feature, each in outcomes.items() if each.failure]
    if failures:
        return Answer(Status.FAILED, completed_at, scans, failure=failures[0])
    verdict = evaluate(request.question, {scan.feature: scan.findings for scan in scans})
    return Answer(Status.COMPLETED, completed_at, scans, verdict)


def _failure_of(feature: Feature, failure: Failure, request: ScanRequest) -> Failure:
    """Return the failure, with the name of the feature in its message unless the request is for labels only."""
    if request.features == (Feature.LABELS,):
        return failure
    return Failure(failure.code, f"Feature '{feature}': {failure.message}", feature)


def needs_reopening(request: ScanRequest, image: Image, visible: Image, now: float) -> bool:
    """Return whether the item must be reopened for this request, which sees it as ``visible``, and may be.

    That is so for a request that was created after the attempts were exhausted. An earlier one has failed.
    """
    return image.can_be_reopened(now) and visible.first_exhausted_between(request.created_at, math.inf) is None


def require_answer(request: ScanRequest) -> Answer:
    """Return the answer of a finished request. Raise ValueError for a pending one."""
    if request.answer is None:
        raise ValueError(f"request {request.id} has no answer")
    return request.answer


type ReusedBy = Literal["bytes", "content"]
"""What showed that an image needs no scan: a file with the same bytes, or one with the same content."""


def answer_reused_by(request: ScanRequest, answer: Answer) -> ReusedBy | None:
    """Return how all scans were reused, so that this request cost nothing, or None if one was made for this request.

    If some were reused by their bytes and others by their content, the content is returned.
    """
    reused = {scan_reused_by(request, scan) for scan in answer.scans}
    if None in reused:
        return None
    if "content" in reused:
        return "content"
    return "bytes" if reused else None


def scan_reused_by(request: ScanRequest, scan: Scan) -> ReusedBy | None:
    """Return how the scan was reused, or None if it was made for the upload of this request."""
    if scan.scanned_for != request.id:
        return "bytes"
    return "content" if scan.origin else None


def _timeout_failure(request: ScanRequest, item: Image | None, items: ImageItems | None) -> Failure:
    """Return the failure of the feature of ``item``: it timed out, or its bytes never arrived.

    A lease of another feature since the creation of the request shows that they arrived. An earlier lease is of other
    bytes.
    """
    others = [(items or {}).get(feature) for feature in request.features]
    leased_at = [each.first_leased_at for each in others if each and each.first_leased_at is not None]
    arrived = any(request.created_at <= at <= request.deadline for at in leased_at)
    was_leased = item is not None and item.first_leased_at is not None and item.first_leased_at <= request.deadline
    return NEVER_UPLOADED if request.awaits_upload and not (arrived or was_leased) else TIMED_OUT
