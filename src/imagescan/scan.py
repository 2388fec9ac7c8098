"""Scan one image once, and settle the requests that wait for it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Protocol

from imagescan import images
from imagescan.images import StoredObject, hash_in_key
from imagescan.labels import Label
from imagescan.requests import ATTEMPTS_EXHAUSTED, Failure, Image, Lease, Scan, Status, next_day
from imagescan.settings import LEASE_SECONDS, MAX_ATTEMPTS
from imagescan.settle import Requests, answered, settle

type Unpaid = Callable[[], AbstractContextManager[None]]

# Heading the object, one detection with its read time-out, and the writes around them. A scan that waits for its turn
# after a throttled call (20 s at most) has begun with its batch, when there are twice as many.
SECONDS_FOR_A_SCAN = 30.0


class DetectionError(Exception):
    """The detector gave no labels; ``code`` is its own word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class BudgetSpent(DetectionError):
    """No call is left of the day's budget; ``at`` is when that was found, in seconds since the epoch."""

    def __init__(self, at: float) -> None:
        super().__init__("BudgetSpent")
        self.at = at


class ImageRefused(DetectionError):
    """The image itself cannot be scanned, now or later; ``failure`` says why, to people."""

    def __init__(self, code: str, failure: Failure) -> None:
        super().__init__(code)
        self.failure = failure


class DetectorBusy(DetectionError):
    """A passing fault: throttling, a time-out, an error on the other side, or a code that nobody knows.

    ``charged`` says whether the call may have been paid for all the same: the answer never came.
    """

    def __init__(self, code: str, *, charged: bool = False) -> None:
        super().__init__(code)
        self.charged = charged


class DetectorMisused(DetectionError):
    """A fault of this deployment, such as a missing permission. Somebody has to mend it."""

    charged = False


class ParametersRefused(DetectorMisused):
    """The detector will not take what it was given. Its word is the same whether that is the image or the call."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What the detector saw."""

    labels: tuple[Label, ...]
    model_version: str


class Images(Protocol):
    def lease(self, image_hash: str, owner: str, now: float, until: float, max_attempts: int) -> Lease:
        """Take the image for ``owner``, unless it is terminal, somebody else's, or was attempted too often."""

    def release(self, image_hash: str, owner: str, *, refund: bool, unseen: bool = False) -> None:
        """Give the image up, if it is still ``owner``'s.

        ``refund`` takes the attempt back as well; ``unseen`` forgets that the image's bytes were ever there.
        """

    def put_off(self, image_hash: str, owner: str, began: float) -> bool:
        """Give the image up with its attempt, and mark that it waits for the next day since ``began``.

        Whether its row says so now; a terminal row, or one that is no longer ``owner``'s, stays as it is.
        """

    def finish(self, image_hash: str, scan: Scan) -> Image:
        """The one terminal write, unless there was one before; the row that is in force."""


class Bucket(Protocol):
    def find(self, key: str) -> StoredObject | None:
        """The newest version of the object, or None when it is gone."""

    def read_start(self, stored: StoredObject) -> bytes:
        """The object's first bytes, as many as an image's header takes."""


class Detector(Protocol):
    def detect(self, stored: StoredObject) -> Detection:
        """What the object shows. Raises DetectionError."""


class Budget(Protocol):
    def take(self, now: float) -> bool:
        """Count one more call for the day of ``now``; False, and nothing is counted, when none is left."""

    def give_back(self, now: float) -> None:
        """Count one call less for the day of ``now``: the one that was taken then cost nothing."""


@dataclass(frozen=True, slots=True)
class NoLimit:
    """The budget of those who set none."""

    def take(self, now: float) -> bool:  # noqa: ARG002 - every day is the same to it
        return True

    def give_back(self, now: float) -> None:
        pass


class Result(StrEnum):
    """How the scan of one image went."""

    SCANNED = "scanned"
    REFUSED = "refused"  # the image cannot be scanned, which is an answer too
    DUPLICATE = "duplicate"  # somebody had scanned it
    EXHAUSTED = "exhausted"
    GONE = "gone"
    NOT_ITS_HASH = "not_its_hash"
    LIMITED = "limited"  # it waits for tomorrow's budget, and the sweeper queues it again then
    HELD = "held"
    BUSY = "busy"
    MISUSED = "misused"
    NO_TIME = "no_time"
    BROKEN = "broken"


# The image is not terminal and there is something left to do: its message has to come again.
UNFINISHED = frozenset({Result.HELD, Result.BUSY, Result.MISUSED, Result.NO_TIME, Result.BROKEN})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the scan of the image under ``key`` went; ``error`` is what broke, also when only settling broke."""

    key: str
    result: Result
    detail: str = ""
    settled: int = 0
    error: Exception | None = None

    @property
    def is_done(self) -> bool:
        """Whether a message that announced the image may be acknowledged."""
        return self.result not in UNFINISHED


@dataclass(frozen=True, slots=True)
class Scanner:
    """The scan use case with its collaborators; ``clock`` gives seconds since the epoch, ``time_left`` seconds."""

    images: Images
    requests: Requests
    bucket: Bucket
    detector: Detector
    clock: Callable[[], float]
    time_left: Callable[[], float]
    budget: Budget = field(default_factory=NoLimit)

    def scan(self, key: str, owner: str) -> Outcome:
        """Bring the image under ``key`` to its end, unless somebody else has done it or is at it.

        ``owner`` is unique to this delivery: a second delivery of the same message is somebody else.
        """
        image_hash = hash_in_key(key)
        if image_hash is None:
            raise ValueError(f"{key!r} is not the key of an image")
        if self.time_left() < SECONDS_FOR_A_SCAN:
            return Outcome(key, Result.NO_TIME)
        now = self.clock()
        lease = self.images.lease(image_hash, owner, now, now + LEASE_SECONDS, MAX_ATTEMPTS)
        if lease.granted:
            return self._scan_leased(key, lease.image, owner, is_first=lease.image.first_leased_at == now)
        return self._meet(key, lease.image, now)

    def _meet(self, key: str, image: Image, now: float) -> Outcome:
        """What to do about an image that was not to be had."""
        if image.scan:
            return self._settle(key, image, Result.DUPLICATE)
        if image.is_leased(now):
            return Outcome(key, Result.HELD)
        failed = Scan(Status.FAILED, self.clock(), failure=ATTEMPTS_EXHAUSTED)
        return self._settle(key, self.images.finish(image.hash, failed), Result.EXHAUSTED)

    def _scan_leased(self, key: str, image: Image, owner: str, *, is_first: bool) -> Outcome:
        """Only the lease that was first may say that the bytes were never there: answers may stand on an older one."""
        image_hash, unpaid = image.hash, partial(self._unpaid, image.hash, owner)
        with unpaid():
            stored = self.bucket.find(key)
        if stored is None or stored.hash != image_hash:
            self.images.release(image_hash, owner, refund=True, unseen=is_first)
            return Outcome(key, Result.NOT_ITS_HASH if stored else Result.GONE)
        try:
            scan = self._detect(stored, unpaid)
        except BudgetSpent as error:
            return self._put_off(key, image, owner, error.at)
        except DetectorBusy as error:
            self.images.release(image_hash, owner, refund=not error.charged)
            return Outcome(key, Result.BUSY, error.code)
        except DetectorMisused as error:
            self.images.release(image_hash, owner, refund=True)
            return Outcome(key, Result.MISUSED, error.code)
        result = Result.REFUSED if scan.failure else Result.SCANNED
        return self._settle(key, self.images.finish(image_hash, scan), result)

    @contextmanager
    def _unpaid(self, image_hash: str, owner: str) -> Iterator[None]:
        """What breaks in here was not paid for: the image is given up with its attempt, so that it costs no answer."""
        try:
            yield
        except Exception:
            self.images.release(image_hash, owner, refund=True)
            raise

    def _detect(self, stored: StoredObject, unpaid: Unpaid) -> Scan:
        try:
            seen = self._look(stored, unpaid)
        except ImageRefused as error:
            return self._refused(stored, error.failure)
        except ParametersRefused:
            with unpaid():
                unfit = images.unfit(self.bucket.read_start(stored))
            if unfit is None:
                raise
            return self._refused(stored, Failure(unfit.code, unfit.message))
        return Scan(Status.COMPLETED, self.clock(), seen.labels, seen.model_version, scanned_for=stored.request_id)

    def _look(self, stored: StoredObject, unpaid: Unpaid) -> Detection:
        """One call within the day's budget, which gets back what cost nothing."""
        asked_at = self.clock()
        with unpaid():
            is_granted = self.budget.take(asked_at)
        if not is_granted:
            raise BudgetSpent(asked_at)
        try:
            return self.detector.detect(stored)
        except (DetectorBusy, DetectorMisused) as error:
            if not error.charged:
                with unpaid():
                    self.budget.give_back(asked_at)
            raise

    def _put_off(self, key: str, image: Image, owner: str, now: float) -> Outcome:
        """Once the row says that the image waits, its message is of no more use: it would come too early each time."""
        began = next((at for at in image.put_off_at if next_day(at) == next_day(now)), now)
        is_marked = self.images.put_off(image.hash, owner, began)
        return Outcome(key, Result.LIMITED if is_marked else Result.HELD)

    def _refused(self, stored: StoredObject, failure: Failure) -> Scan:
        return Scan(Status.FAILED, self.clock(), failure=failure, scanned_for=stored.request_id)

    def _settle(self, key: str, image: Image, result: Result) -> Outcome:
        """Settling never makes a message fail: the image is terminal, and the sweeper finishes what was missed."""
        try:
            rows = answered(self.requests.waiting_for(image.hash), lambda _: image, self.clock())
            count = settle(rows, requests=self.requests, time_left=self.time_left)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is handed on to be logged
            return Outcome(key, result, error=error)
        return Outcome(key, result, settled=count)
