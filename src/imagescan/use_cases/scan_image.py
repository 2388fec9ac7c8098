"""Scan one image once for each feature that is requested, and settle the requests that wait for it.

Posted bytes of requests for labels share an object, ``images/{hash}``. It is scanned for labels. Every other object
belongs to one request, and is scanned for the features of that request.

Files with the same content are scanned once. The scanner leases the item of the image first and that of its content
second. It never waits for a lease, so that leases cannot deadlock.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from itertools import batched
from typing import NamedTuple, Protocol

from imagescan.domain.content import content_item_key, content_scan, file_scan
from imagescan.domain.detection import (
    Detection,
    DetectorConfigurationError,
    ImageRejected,
    InvalidParametersError,
    QuotaExceeded,
    TransientDetectorError,
)
from imagescan.domain.feature import Feature, item_key
from imagescan.domain.image import IMAGE_INVALID, StoredObject, hash_from_key, header_failure, request_id_from_key
from imagescan.domain.image_record import Image, LeaseResult, Possession, Scan, Status, has_expired, next_day
from imagescan.domain.policy import BACKOFF_SECONDS, LEASE_SECONDS, MAX_ATTEMPTS, REQUEST_STORED_SECONDS
from imagescan.domain.scan_request import DeletedRequest, ScanRequest, exists, with_answer
from imagescan.use_cases import settle as settling
from imagescan.use_cases.renew_daily import renew_daily
from imagescan.use_cases.settle import settle
from imagescan.use_cases.visible_images import (
    POSSESSIONS_PER_CALL,
    PossessionReader,
    is_awaited,
    read_possessions,
)

type RefundGuard = Callable[[], AbstractContextManager[None]]

MIN_SECONDS_FOR_SCAN = 30.0
"""Time for one detection with its read timeout, and the writes around it, after the object was read. A scan that
waits for the rate limiter (at most 20 s) started with its batch, when the function had twice that time left."""

MAX_DELAY_SECONDS = 300
"""Longest delay before a message is retried. An image that must wait longer is enqueued by the sweeper."""


class Images(PossessionReader, Protocol):
    def get_many(self, keys: Sequence[str]) -> dict[str, Image]:
        """Return the items under these keys using consistent reads. Missing items are left out."""

    def grant(self, possession: Possession) -> None:
        """Store the possession, unless its owner has it already."""

    def lease(self, key: str, owner: str, now: float, until: float, max_attempts: int) -> LeaseResult:
        """Lease the item to ``owner``.

        The lease is refused if the item is terminal, leased to another owner, backing off, or out of attempts.
        """

    def release(
        self,
        key: str,
        owner: str,
        *,
        refund: bool,
        bytes_missing: bool = False,
        not_before: float | None = None,
    ) -> None:
        """Release the lease if ``owner`` still holds it.

        ``refund`` also removes the attempt. ``bytes_missing`` also removes the record that the bytes ever existed. No
        attempt starts before ``not_before``.
        """

    def defer(self, key: str, owner: str, began: float) -> bool:
        """Release the lease, refund the attempt, and record that the item is deferred to the day after ``began``.

        Return whether the item records it. A terminal item and one that is no longer leased to ``owner`` do not change.
        """

    def finish(self, key: str, scan: Scan, refund: str | None = None) -> Image:
        """Make the one terminal write, unless it was made before, and return the item that is in force.

        The attempt of the owner ``refund`` is removed, because it made no call.
        """

    def exhaust(self, image: Image, at: float, refund: str | None = None) -> Image:
        """Record that the attempt budget of ``image``, as it was read, is exhausted. Return the item in force.

        Nothing is recorded for an item that is terminal, exhausted already, or was reopened since it was read. The
        attempt of the owner ``refund`` is removed, because it made no call.
        """

    def reopen(self, image: Image) -> None:
        """Renew the attempt budget of the item, unless it changed since it was read."""

    def renew(self, read: Image, now: float) -> bool:
        """Extend the expiry of the item. Return False if it was deleted since it was ``read``."""

    def remove_expired(self, read: Image) -> None:
        """Delete the item, unless its expiry was extended since it was ``read``."""

    def mark_for_purge(self, key: str, now: float) -> None:
        """Have the purger delete the image, or the upload under this key, once no request needs it."""


class Requests(settling.Requests, Protocol):
    def find(self, request_id: str) -> ScanRequest | DeletedRequest | None: ...


class Bucket(Protocol):
    def find(self, key: str) -> StoredObject | None:
        """Read and hash the newest version of the object. Return None if it is gone."""

    def read_header(self, stored: StoredObject) -> bytes:
        """Return the first bytes of the object, enough for the header of an image."""


class Detector(Protocol):
    def detect(self, stored: StoredObject) -> Detection:
        """Return what the detector finds in the object. Raise DetectionError."""


class Quota(Protocol):
    def try_acquire(self, now: float, feature: Feature) -> bool:
        """Count one call for the day of ``now``. Return False, and count nothing, if the quota is used up."""

    def refund(self, now: float, feature: Feature) -> None:
        """Subtract one call from the day of ``now`` because the call was not billed."""


@dataclass(frozen=True, slots=True)
class UnlimitedQuota:
    """The quota of a deployment without a daily limit."""

    def try_acquire(self, now: float, feature: Feature) -> bool:  # noqa: ARG002 - the protocol's signature
        return True

    def refund(self, now: float, feature: Feature) -> None:
        pass


class OutcomeKind(StrEnum):
    """Outcome of a delivery for one feature of an image. The values are also the names of log events."""

    SCANNED = "scanned"
    REUSED = "reused"  # the scan of a file with the same content was copied
    REJECTED_IMAGE = "rejected_image"  # the image cannot be scanned, which is a final result too
    DUPLICATE = "duplicate"  # the image was scanned, or its attempts were exhausted, before
    EXHAUSTED = "exhausted"  # this delivery found that no attempt is left
    OBJECT_MISSING = "object_missing"
    HASH_MISMATCH = "hash_mismatch"
    UNREQUESTED = "unrequested"  # no request needs a scan of this object
    REQUEST_MISSING = "request_missing"  # the object is so new that its request may still be stored
    DEFERRED = "deferred"  # the image waits for the next daily quota; the sweeper enqueues it then
    BACKING_OFF = "backing_off"  # the next attempt must wait
    LEASED = "leased"
    TRANSIENT_ERROR = "transient_error"
    CONFIGURATION_ERROR = "configuration_error"
    OUT_OF_TIME = "out_of_time"
    UNEXPECTED_ERROR = "unexpected_error"


RETRYABLE = frozenset(
    {
        OutcomeKind.REQUEST_MISSING,
        OutcomeKind.LEASED,
        OutcomeKind.TRANSIENT_ERROR,
        OutcomeKind.CONFIGURATION_ERROR,
        OutcomeKind.OUT_OF_TIME,
        OutcomeKind.UNEXPECTED_ERROR,
    }
)
"""The item is not terminal and work remains, so its message must be delivered again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of a delivery for one feature of the image under ``key``, or for the image if ``feature`` is None.

    ``error`` is set even if only settling failed. ``wait_seconds`` is the time until the next attempt, if that is
    known. ``item`` is the item in force if the outcome is terminal.
    """

    key: str
    kind: OutcomeKind
    detail: str = ""
    settled: int = 0
    error: Exception | None = None
    wait_seconds: float | None = None
    feature: Feature | None = None
    item: Image | None = None

    @property
    def is_done(self) -> bool:
        """Return whether the message for this image may be acknowledged.

        The sweeper enqueues an image that is backing off for longer than a message may be delayed.
        """
        if self.kind is OutcomeKind.BACKING_OFF:
            return self.wait_seconds is not None and self.wait_seconds > MAX_DELAY_SECONDS
        return self.kind not in RETRYABLE


class Received(NamedTuple):
    """An object in the bucket, the ID of its request if it names one, and what was found under this ID."""

    stored: StoredObject
    request_id: str | None
    found: ScanRequest | DeletedRequest | None

    @property
    def request(self) -> ScanRequest | None:
        """Return the request of the object, unless it does not exist or is for another image."""
        return self.found if exists(self.found) and self.found.image_hash == self.stored.hash else None

    @property
    def owner(self) -> str | None:
        return self.request.owner if self.request else None

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features to scan. If the request of the object is finished, others may wait for its labels."""
        request = self.request
        if request and request.answer and Feature.LABELS not in request.features:
            return ()
        return request.features if request and not request.answer else (Feature.LABELS,)


type RunAll = Callable[[Sequence[Callable[[], Outcome]]], list[Outcome]]


def run_concurrently(calls: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
    """Call these functions, each in a thread of its own if there are several, and return their results in order."""
    if len(calls) == 1:
        return [calls[0]()]
    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return list(pool.map(lambda call: call(), calls))


@dataclass(frozen=True, slots=True)
class Scanner:
    """The use case with its collaborators. ``clock`` returns seconds since the epoch, ``time_left`` seconds.

    ``retention_seconds`` is the time for which requests and bytes are kept.
    """

    images: Images
    requests: Requests
    bucket: Bucket
    detectors: Mapping[Feature, Detector]
    clock: Callable[[], float]
    time_left: Callable[[], float]
    quota: Quota = field(default_factory=UnlimitedQuota)
    retention_seconds: int = 0
    run_all: RunAll = run_concurrently

    def scan(self, key: str, owner: str) -> list[Outcome]:
        """Scan the image under ``key`` for each feature that is requested, and return the outcomes.

        A feature is not scanned if its item is terminal, exhausted, backing off, or leased to another delivery.
        ``owner`` is unique to this delivery. A second delivery of the same message has another owner.
        """
        image_hash = hash_from_key(key)
        if image_hash is None:
            raise ValueError(f"{key!r} is not the key of an image")
        if self.time_left() < MIN_SECONDS_FOR_SCAN:
            return [Outcome(key, OutcomeKind.OUT_OF_TIME)]
        upload = self._receive(key) if request_id_from_key(key) is not None else None
        if isinstance(upload, Outcome):
            return [upload]
        if upload and self._may_be_stored(upload):
            return [Outcome(key, OutcomeKind.REQUEST_MISSING)]  # only that request says which features are needed
        if upload:
            self._take_possession(upload)
        features = upload.features if upload else (Feature.LABELS,)
        if not features:
            return [Outcome(key, OutcomeKind.DUPLICATE)]
        outcomes = self.run_all([partial(self._scan_feature, key, feature, owner, upload) for feature in features])
        return self._settle(image_hash, outcomes)

    def _scan_feature(self, key: str, feature: Feature, owner: str, upload: Received | None) -> Outcome:
        """Scan one feature. An error must not affect the others."""
        try:
            outcome = self._lease_and_scan(key, item_key(hash_from_key(key) or "", feature), owner, upload)
        except Exception as error:  # noqa: BLE001 - the outcome carries every error to the log
            outcome = Outcome(key, OutcomeKind.UNEXPECTED_ERROR, type(error).__name__, error=error)
        return replace(outcome, feature=feature)

    def _lease_and_scan(self, key: str, item: str, owner: str, upload: Received | None) -> Outcome:
        now = self.clock()
        lease = self.images.lease(item, owner, now, now + LEASE_SECONDS, MAX_ATTEMPTS)
        if lease.granted:
            return self._scan_leased(key, lease.image, owner, upload, is_first=lease.image.first_leased_at == now)
        return self._handle_not_leased(key, lease.image, now)

    def _receive(self, key: str) -> Received | Outcome:
        """Read the object and its request. Nothing is scanned if the object is gone or has another hash."""
        stored = self.bucket.find(key)
        if stored is None:
            return Outcome(key, OutcomeKind.OBJECT_MISSING)
        if stored.hash != hash_from_key(key):
            return Outcome(key, OutcomeKind.HASH_MISMATCH)
        request_id = request_id_from_key(key) or stored.request_id
        return Received(stored, request_id, self.requests.find(request_id) if request_id else None)

    def _take_possession(self, upload: Received) -> None:
        """Record that the image was received from the owner of the request. Purge the upload if it has no request."""
        request = upload.request
        if request is None:
            self.images.mark_for_purge(upload.stored.key, self.clock())
            return
        if request.owner is not None and not read_possessions([request], self.images).of(request):
            self.images.grant(Possession(request.owner, request.image_hash, self.clock(), request.id))

    def _may_be_stored(self, received: Received) -> bool:
        """Return whether the object is so new that its request may still be stored."""
        return received.found is None and self.clock() < received.stored.uploaded_at + REQUEST_STORED_SECONDS

    def _handle_not_leased(self, key: str, item: Image, now: float) -> Outcome:
        if item.is_leased(now):
            return Outcome(key, OutcomeKind.LEASED)
        if item.scan or item.is_exhausted:
            return Outcome(key, OutcomeKind.DUPLICATE, item=item)
        if item.attempts >= MAX_ATTEMPTS:
            return self._exhaust(key, item)
        return Outcome(key, OutcomeKind.BACKING_OFF, wait_seconds=(item.not_before or now) - now)

    def _exhaust(self, key: str, item: Image, refund: str | None = None) -> Outcome:
        """Fail the requests that wait for the item. If it changed since it was read, the message is retried."""
        at = self.clock()
        current = self.images.exhaust(item, at, refund)
        if at in current.exhausted_at:
            return Outcome(key, OutcomeKind.EXHAUSTED, item=current)
        if refund:
            self.images.release(item.key, refund, refund=True)
        return Outcome(key, OutcomeKind.LEASED)

    def _scan_leased(self, key: str, item: Image, owner: str, upload: Received | None, *, is_first: bool) -> Outcome:
        """Scan under the lease. A posted object is read under the lease too, an ``upload`` was read before.

        Only the first lease may record that the bytes never existed, because answers may depend on an earlier one.
        """
        with self._refund_on_error([item], owner):
            received = upload or self._receive(key)
            if isinstance(received, Received):
                received = self._skip_unrequested(received, item.feature) or received
        if isinstance(received, Outcome):
            self.images.release(item.key, owner, refund=True, bytes_missing=is_first)
            return received
        if self.time_left() < MIN_SECONDS_FOR_SCAN:  # reading can take long
            self.images.release(item.key, owner, refund=True)
            return Outcome(key, OutcomeKind.OUT_OF_TIME)
        if received.stored.content_hash is None:
            return self._detect_and_finish(received, [item], owner)
        content_key = content_item_key(received.stored.content_hash, item.feature)
        with self._refund_on_error([Image(content_key), item], owner):
            content = self._lease_content(content_key, owner)
        if content.granted:
            return self._detect_and_finish(received, [content.image, item], owner)
        return self._handle_content(received, content.image, item, owner)

    def _lease_content(self, key: str, owner: str) -> LeaseResult:
        now = self.clock()
        lease = partial(self.images.lease, key, owner, now, now + LEASE_SECONDS, MAX_ATTEMPTS)
        result = lease()
        return lease() if not result.granted and self._renew_content(result.image, now) else result

    def _renew_content(self, content: Image, now: float) -> bool:
        """Remove the item if it expired. Renew its attempt budget if that is used up. Return whether it changed.

        Without this, the next file with the content would fail for attempts that were made for another one. A file has
        a budget of its own.
        """
        if has_expired(content, now):
            self.images.remove_expired(content)
            return True
        is_free = not (content.scan or content.is_leased(now) or content.is_backing_off(now))
        is_used_up = is_free and content.attempts >= MAX_ATTEMPTS and not content.is_exhausted
        if is_used_up:
            content = self.images.exhaust(content, now)
        can_be_reopened = content.can_be_reopened(now)
        if can_be_reopened:
            self.images.reopen(content)
        return is_used_up or can_be_reopened

    def _handle_content(self, received: Received, content: Image, item: Image, owner: str) -> Outcome:
        """Finish the item without a call: its content was scanned, or is not scanned now."""
        key, now = received.stored.key, self.clock()
        with self._refund_on_error([item], owner):
            if content.scan:
                return self._copy_scan(received, content, content.scan, item, owner)
            if content.is_exhausted:
                return self._exhaust(key, item, refund=owner)
        wait_until = content.not_before if content.is_backing_off(now) else None
        self.images.release(item.key, owner, refund=True, not_before=wait_until)
        if wait_until is None:
            return Outcome(key, OutcomeKind.LEASED)
        return Outcome(key, OutcomeKind.BACKING_OFF, wait_seconds=wait_until - now)

    def _copy_scan(self, received: Received, content: Image, scan: Scan, item: Image, owner: str) -> Outcome:
        """Finish the item with a copy of the scan of its content, which is kept for another retention period."""
        stored = received.stored
        renew_daily(content, self.images, self.clock(), self.retention_seconds)
        copy = file_scan(scan, stored.hash, self.clock(), received.request_id, received.owner)
        return Outcome(stored.key, OutcomeKind.REUSED, item=self.images.finish(item.key, copy, refund=owner))

    def _detect_and_finish(self, received: Received, leased: Sequence[Image], owner: str) -> Outcome:
        """Scan the object under the leases of its items: that of its content, if it has one, and that of its image.

        The attempts of a content are those of all files with this content. A rejection concerns the file alone.
        """
        key, item = received.stored.key, leased[-1]
        try:
            scan = self._detect(received, item.feature, partial(self._refund_on_error, leased, owner))
        except QuotaExceeded as error:
            self._release(leased[:-1], owner, refund=True)
            return self._defer(key, item, owner, error.at)
        except TransientDetectorError as error:
            wait = _backoff(leased) if error.may_be_billed else None
            not_before = None if wait is None else self.clock() + wait
            self._release(leased, owner, refund=not error.may_be_billed, not_before=not_before)
            return Outcome(key, OutcomeKind.TRANSIENT_ERROR, error.code, wait_seconds=wait)
        except DetectorConfigurationError as error:
            self._release(leased, owner, refund=True)
            return Outcome(key, OutcomeKind.CONFIGURATION_ERROR, error.code)
        if scan.failure:
            self._release(leased[:-1], owner, refund=True)
            return Outcome(key, OutcomeKind.REJECTED_IMAGE, item=self.images.finish(item.key, scan))
        for content in leased[:-1]:
            self.images.finish(content.key, content_scan(scan, item.hash))
        return Outcome(key, OutcomeKind.SCANNED, item=self.images.finish(item.key, scan))

    def _release(self, leased: Iterable[Image], owner: str, *, refund: bool, not_before: float | None = None) -> None:
        for item in leased:
            self.images.release(item.key, owner, refund=refund, not_before=not_before)

    def _skip_unrequested(self, received: Received, feature: Feature) -> Outcome | None:
        """Return None if a request needs a scan of this object for the feature. Nothing is paid otherwise.

        An object without the ID of a request was copied into the bucket by an operator, and is scanned. An object is
        marked for purging if its request does not exist or is for another image, whose key was used again. The index
        may omit a request that waits for the image. The sweeper enqueues the image for it.
        """
        stored, request = received.stored, received.request
        if received.request_id is None or (request and not request.answer):
            return None
        if is_awaited(self.requests.pending_for_image(stored.hash), self.images, feature):
            return None
        if self._may_be_stored(received):
            return Outcome(stored.key, OutcomeKind.REQUEST_MISSING)
        if request is None:
            self.images.mark_for_purge(stored.hash, self.clock())
        return Outcome(stored.key, OutcomeKind.UNREQUESTED)

    @contextmanager
    def _refund_on_error(self, leased: Iterable[Image], owner: str) -> Iterator[None]:
        """Release the leases and refund the attempts if the block fails: nothing in it is billed."""
        try:
            yield
        except Exception:
            self._release(leased, owner, refund=True)
            raise

    def _detect(self, received: Received, feature: Feature, refund_on_error: RefundGuard) -> Scan:
        stored = received.stored
        scanned = partial(
            Scan,
            scanned_for=received.request_id,
            owner=received.owner,
            feature=feature,
            content_hash=stored.content_hash,
        )
        try:
            detection = self._detect_within_quota(stored, feature, refund_on_error)
        except ImageRejected as error:
            return scanned(Status.FAILED, self.clock(), failure=error.failure)
        except InvalidParametersError as error:
            with refund_on_error():
                failure = header_failure(self.bucket.read_header(stored))
            if failure is None and not error.is_image_at_fault:
                raise
            return scanned(Status.FAILED, self.clock(), failure=failure or IMAGE_INVALID)
        return scanned(Status.COMPLETED, self.clock(), detection.findings, detection.model_version)

    def _detect_within_quota(self, stored: StoredObject, feature: Feature, refund_on_error: RefundGuard) -> Detection:
        """Make one call within the daily quota, and refund the quota if the call was not billed."""
        acquired_at = self.clock()
        with refund_on_error():
            is_granted = self.quota.try_acquire(acquired_at, feature)
        if not is_granted:
            raise QuotaExceeded(acquired_at)
        try:
            return self.detectors[feature].detect(stored)
        except (TransientDetectorError, DetectorConfigurationError) as error:
            if not error.may_be_billed:
                with refund_on_error():
                    self.quota.refund(acquired_at, feature)
            raise

    def _defer(self, key: str, item: Image, owner: str, now: float) -> Outcome:
        """Defer the item. Once it records this, its message can be deleted: every retry would be too early."""
        began = next((at for at in item.deferred_at if next_day(at) == next_day(now)), now)
        is_recorded = self.images.defer(item.key, owner, began)
        return Outcome(key, OutcomeKind.DEFERRED if is_recorded else OutcomeKind.LEASED)

    def _settle(self, image_hash: str, outcomes: list[Outcome]) -> list[Outcome]:
        """Settle the requests that have an answer now, and return the outcomes with their number.

        An error here never fails the message: the sweeper settles what is missing.
        """
        known = {outcome.feature: outcome.item for outcome in outcomes if outcome.feature and outcome.item}
        if not known:
            return outcomes
        at = next(at for at, outcome in enumerate(outcomes) if outcome.item)
        try:
            answered = self._newly_answered(image_hash, known)
            count = settle(answered, requests=self.requests, time_left=self.time_left)
        except Exception as error:  # noqa: BLE001 - the outcome carries every error to the log
            outcomes[at] = replace(outcomes[at], error=error)
        else:
            outcomes[at] = replace(outcomes[at], settled=count)
        return outcomes

    def _newly_answered(self, image_hash: str, known: dict[Feature, Image]) -> Iterator[ScanRequest]:
        """Return the requests for the image that have an answer now, with their answers.

        Items that only some of them need are read, and added to ``known``.
        """
        now = self.clock()
        for chunk in batched(self.requests.pending_for_image(image_hash), POSSESSIONS_PER_CALL, strict=False):
            possessions = read_possessions(chunk, self.images)
            self._read_other_items(chunk, known)
            for request in chunk:
                answered = with_answer(request, possessions.visible(request, known), now)
                if answered:
                    yield answered

    def _read_other_items(self, requests: Iterable[ScanRequest], known: dict[Feature, Image]) -> None:
        keys = {key for request in requests for key in request.item_keys} - {item.key for item in known.values()}
        if keys:
            known.update({item.feature: item for item in self.images.get_many(sorted(keys)).values()})


def _backoff(leased: Iterable[Image]) -> float | None:
    """Return the wait after an attempt for these items. After the last one for all of them, there is none."""
    attempts = [item.attempts for item in leased]
    return None if min(attempts) >= MAX_ATTEMPTS else BACKOFF_SECONDS[min(max(attempts), len(BACKOFF_SECONDS)) - 1]
