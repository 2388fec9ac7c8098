"""Files with the same content share one paid call. The scanner leases the item of the file, and then of its content."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from imagescan.domain.content import content_item_key, content_scan
from imagescan.domain.detection import (
    Detection,
    DetectionError,
    DetectorConfigurationError,
    ImageRejected,
    InvalidParametersError,
    TransientDetectorError,
)
from imagescan.domain.feature import Feature, item_key
from imagescan.domain.image import StoredObject, upload_key
from imagescan.domain.image_header import ImageType
from imagescan.domain.image_record import (
    ATTEMPTS_EXHAUSTED,
    Failure,
    Image,
    LeaseResult,
    Origin,
    Possession,
    Scan,
    Status,
)
from imagescan.domain.labels import Label
from imagescan.domain.policy import (
    BACKOFF_SECONDS,
    DAY_SECONDS,
    ITEM_MARGIN_SECONDS,
    MAX_ATTEMPTS,
    MAX_EXHAUSTIONS_PER_DAY,
)
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest
from imagescan.domain.text import TextLine
from imagescan.use_cases.scan_image import MAX_DELAY_SECONDS, Outcome, OutcomeKind, Scanner
from testing.fakes import (
    HASH,
    KEY,
    FakeBucket,
    FakeDetector,
    FakeImages,
    FakeQuota,
    FakeRequests,
    QuotaWithoutRefunds,
    UnavailableQuota,
)
from testing.images import png

LABELS, _, TEXT = Feature
NOW = 100_000.0
CONTENT, OTHER_HASH = "cd" * 32, "ef" * 32
CONTENT_KEY = content_item_key(CONTENT, LABELS)
RETENTION_SECONDS = 30 * DAY_SECONDS
FRESH = NOW + RETENTION_SECONDS + ITEM_MARGIN_SECONDS
DETECTION = Detection((Label("Cat", 97),), "3.0")
CORRUPT = Failure("image_invalid", "The image is corrupt.")
REQUEST = ScanRequest("r", HASH, KEY, Question(("cat",), 90), created_at=NOW - 9, deadline=NOW + 3600, owner="ann")
SCAN = Scan(
    Status.COMPLETED,
    NOW - 50,
    DETECTION.findings,
    "3.0",
    scanned_for="earlier",
    owner="bob",
    content_hash=CONTENT,
    scanned_hash=OTHER_HASH,
)
THROTTLED = TransientDetectorError("ThrottlingException")
TIMED_OUT = TransientDetectorError("ReadTimeoutError", may_be_billed=True)


def content(scan: Scan | None = None, **state: object) -> Image:
    """Return the item of the content, which is not expired and refuses its lease."""
    return replace(Image(CONTENT_KEY, scan=scan, expires_at=FRESH), **state)  # type: ignore[arg-type]


def exhausted(*times: float) -> Image:
    return content(attempts=MAX_ATTEMPTS, exhausted_at=times, is_exhausted=True)


TODAY = tuple(NOW - 400 + 100 * at for at in range(MAX_EXHAUSTIONS_PER_DAY))
YESTERDAY = tuple(at - DAY_SECONDS for at in TODAY)


@dataclass
class RenewableImages(FakeImages):
    """A table with a content that can be removed, exhausted and reopened. ``replacement`` follows a removal."""

    replacement: Image | None = None

    def remove_expired(self, read: Image | Possession) -> None:
        super().remove_expired(read)
        self.content = self.replacement

    def exhaust(self, image: Image, at: float, refund: str | None = None) -> Image:
        current = super().exhaust(image, at, refund)
        if image.key == CONTENT_KEY:
            self.content = current
        return current

    def reopen(self, image: Image) -> None:
        super().reopen(image)
        self.content = None


@dataclass
class Setup:
    """A scanner for the posted bytes of the request ``r``, with fakes."""

    images: FakeImages = field(default_factory=FakeImages)
    detector: FakeDetector = field(default_factory=lambda: FakeDetector(DETECTION))
    quota: FakeQuota = field(default_factory=lambda: FakeQuota(10))
    content_hash: str | None = CONTENT
    header: bytes = b""

    def __post_init__(self) -> None:
        self.requests = FakeRequests([REQUEST], {"r": REQUEST})
        self.bucket = FakeBucket(StoredObject(KEY, "v1", HASH, "r", NOW - 9, self.content_hash), header=self.header)

    def scan(self) -> Outcome:
        scanner = Scanner(
            self.images,
            self.requests,
            self.bucket,
            {LABELS: self.detector},
            lambda: NOW,
            lambda: 60,
            self.quota,
            RETENTION_SECONDS,
        )
        [outcome] = scanner.scan(KEY, owner="delivery-1")
        return outcome

    def not_scanned(self) -> tuple[Outcome, list[str]]:
        """Scan, and return the outcome and the writes. Nothing may be paid or counted."""
        outcome = self.scan()
        assert (self.detector.calls, self.quota.remaining) == (0, 10)
        assert self.images.steps[:2] == ["lease", "lease content"]
        return outcome, self.images.steps[2:]


# ---------------------------------------------------------------- a new content


def test_the_scan_of_a_new_content_is_stored_before_that_of_its_file() -> None:
    setup = Setup()
    outcome = setup.scan()
    assert (outcome.kind, outcome.settled, outcome.is_done) == (OutcomeKind.SCANNED, 1, True)
    assert setup.images.steps == ["lease", "lease content", "finish content", "finish"]
    scan = Scan(Status.COMPLETED, NOW, DETECTION.findings, "3.0", scanned_for="r", owner="ann", content_hash=CONTENT)
    assert setup.images.finished == [content_scan(scan, HASH), scan]


def test_a_file_without_canonical_form_has_no_item_of_a_content() -> None:
    setup = Setup(content_hash=None)
    assert setup.scan().kind is OutcomeKind.SCANNED
    assert setup.images.steps == ["lease", "finish"]
    assert [scan.content_hash for scan in setup.images.finished] == [None]


@pytest.mark.parametrize(
    ("error", "header"),
    [
        (ImageRejected("InvalidImageFormatException", CORRUPT), b""),
        (InvalidParametersError("InvalidParameterException"), png(40, 40)),
    ],
)
def test_a_rejection_concerns_the_file_alone(error: DetectionError, header: bytes) -> None:
    setup = Setup(detector=FakeDetector(error), header=header)
    outcome = setup.scan()
    assert (outcome.kind, outcome.is_done, outcome.settled) == (OutcomeKind.REJECTED_IMAGE, True, 1)
    assert setup.images.steps == ["lease", "lease content", "release content with refund", "finish"]
    assert [(scan.status, scan.content_hash) for scan in setup.images.finished] == [(Status.FAILED, CONTENT)]


WAIT_UNTIL = f"until {NOW + BACKOFF_SECONDS[0]:g}"


@pytest.mark.parametrize(
    ("error", "released"),
    [
        (THROTTLED, ["release content with refund", "release with refund"]),
        (TIMED_OUT, [f"release content {WAIT_UNTIL}", f"release {WAIT_UNTIL}"]),
        (DetectorConfigurationError("AccessDenied"), ["release content with refund", "release with refund"]),
        (InvalidParametersError("InvalidParameter"), ["release content with refund", "release with refund"]),
    ],
)
def test_a_detector_error_releases_both_leases(error: DetectionError, released: list[str]) -> None:
    setup = Setup(detector=FakeDetector(error), header=png(100, 100))
    outcome = setup.scan()
    assert (outcome.is_done, setup.images.finished) == (False, [])
    assert setup.images.steps == ["lease", "lease content", *released]


@pytest.mark.parametrize(
    ("of_file", "of_content", "wait"),
    [
        *((attempts, attempts, wait) for attempts, wait in enumerate(BACKOFF_SECONDS, 1)),
        (1, 3, BACKOFF_SECONDS[2]),
        (4, 1, BACKOFF_SECONDS[3]),
        (2, MAX_ATTEMPTS, BACKOFF_SECONDS[-1]),
        (MAX_ATTEMPTS, 2, BACKOFF_SECONDS[-1]),
        (MAX_ATTEMPTS, MAX_ATTEMPTS, None),
    ],
)
def test_the_wait_grows_with_the_attempts_of_the_file_and_of_its_content(
    of_file: int, of_content: int, wait: float | None
) -> None:
    class Images(FakeImages):
        """A table in which the file and its content were attempted before."""

        def lease(self, key: str, owner: str, now: float, until: float, max_attempts: int) -> LeaseResult:
            self.attempts = of_content if key == CONTENT_KEY else of_file
            return super().lease(key, owner, now, until, max_attempts)

    setup = Setup(Images(), FakeDetector(TIMED_OUT))
    assert setup.scan().wait_seconds == wait
    until = "" if wait is None else f" until {NOW + wait:g}"
    assert setup.images.steps[2:] == [f"release content{until}", f"release{until}"]


def test_only_the_file_is_deferred_if_the_quota_is_used_up() -> None:
    setup = Setup(quota=FakeQuota(0))
    assert (setup.scan().kind, setup.detector.calls) == (OutcomeKind.DEFERRED, 0)
    assert setup.images.steps == ["lease", "lease content", "release content with refund", f"defer since {NOW:g}"]


def test_an_unexpected_error_of_the_paid_call_refunds_neither_attempt() -> None:
    setup = Setup(detector=FakeDetector(ConnectionError()))
    assert setup.scan().kind is OutcomeKind.UNEXPECTED_ERROR
    assert setup.images.steps == ["lease", "lease content"]


# ---------------------------------------------------------------- errors of the service


@pytest.mark.parametrize(
    "setup",
    [
        Setup(quota=UnavailableQuota(1)),
        Setup(detector=FakeDetector(THROTTLED), quota=QuotaWithoutRefunds(1)),
    ],
)
def test_an_error_before_a_billed_call_refunds_both_attempts(setup: Setup) -> None:
    outcome = setup.scan()
    assert (outcome.kind, outcome.is_done) == (OutcomeKind.UNEXPECTED_ERROR, False)
    assert setup.images.steps == ["lease", "lease content", "release content with refund", "release with refund"]


@dataclass
class ImagesThatFail(FakeImages):
    """A table in which the first write of this kind, for the content or for a copy, fails."""

    failing: str = ""

    def lease(self, key: str, owner: str, now: float, until: float, max_attempts: int) -> LeaseResult:
        return self._fail(f"lease {key}", super().lease(key, owner, now, until, max_attempts))

    def finish(self, key: str, scan: Scan, refund: str | None = None) -> Image:
        return self._fail(f"finish {key}", super().finish(key, scan, refund))

    def exhaust(self, image: Image, at: float, refund: str | None = None) -> Image:
        return self._fail(f"exhaust {image.key}", super().exhaust(image, at, refund))

    def reopen(self, image: Image) -> None:
        self._fail(f"reopen {image.key}", super().reopen(image))

    def _fail[Result](self, write: str, result: Result) -> Result:
        if write == self.failing:
            raise ConnectionError
        return result


@pytest.mark.parametrize(
    ("failing", "refusing"),
    [
        (f"lease {CONTENT_KEY}", None),
        (f"finish {HASH}", content(SCAN)),
        (f"exhaust {CONTENT_KEY}", content(attempts=MAX_ATTEMPTS)),
        (f"exhaust {HASH}", exhausted(*TODAY)),
        (f"reopen {CONTENT_KEY}", exhausted(*YESTERDAY)),
    ],
)
def test_an_error_while_the_content_is_handled_refunds_the_attempt_of_the_file(
    failing: str, refusing: Image | None
) -> None:
    setup = Setup(ImagesThatFail(content=refusing, failing=failing))
    outcome, steps = setup.not_scanned()
    assert (outcome.kind, outcome.is_done) == (OutcomeKind.UNEXPECTED_ERROR, False)
    assert steps[-1] == "release with refund"


@pytest.mark.parametrize("failing", [f"finish {CONTENT_KEY}", f"finish {HASH}"])
def test_an_error_after_the_paid_call_refunds_no_attempt(failing: str) -> None:
    setup = Setup(ImagesThatFail(failing=failing))
    assert (setup.scan().kind, setup.detector.calls) == (OutcomeKind.UNEXPECTED_ERROR, 1)
    assert not [step for step in setup.images.steps if step.startswith("release")]


# ---------------------------------------------------------------- a scanned content


def test_a_file_with_a_scanned_content_gets_a_copy_and_its_attempt_is_refunded() -> None:
    setup = Setup(FakeImages(content=content(SCAN)))
    outcome, steps = setup.not_scanned()
    assert (outcome.kind, outcome.settled, outcome.is_done) == (OutcomeKind.REUSED, 1, True)
    assert steps == ["finish with refund"]
    copy = replace(
        SCAN, finished_at=NOW, scanned_for="r", owner="ann", origin=Origin(NOW - 50, is_own=False), scanned_hash=None
    )
    assert setup.images.finished == [copy]
    assert copy.scanned_at == NOW - 50


def test_the_own_scan_of_a_file_whose_delivery_was_interrupted_is_no_copy() -> None:
    setup = Setup(FakeImages(content=content(replace(SCAN, scanned_hash=HASH))))
    outcome, steps = setup.not_scanned()
    assert (outcome.kind, steps) == (OutcomeKind.REUSED, ["finish with refund"])
    assert setup.images.finished == [replace(SCAN, finished_at=NOW, scanned_hash=None)]


@pytest.mark.parametrize(("age", "renewals"), [(0, []), (DAY_SECONDS, []), (DAY_SECONDS + 1, ["renew content"])])
def test_a_content_that_is_used_is_kept_for_another_retention_period(age: float, renewals: list[str]) -> None:
    setup = Setup(FakeImages(content=content(SCAN, expires_at=FRESH - age)))
    _, steps = setup.not_scanned()
    assert steps == [*renewals, "finish with refund"]


def test_an_expired_content_is_removed_and_scanned_again() -> None:
    setup = Setup(RenewableImages(content=content(SCAN, expires_at=NOW)))
    assert (setup.scan().kind, setup.detector.calls) == (OutcomeKind.SCANNED, 1)
    assert setup.images.steps == [
        "lease",
        "lease content",
        "remove content",
        "lease content",
        "finish content",
        "finish",
    ]


def test_an_expired_content_that_was_renewed_before_its_removal_is_copied() -> None:
    setup = Setup(RenewableImages(content=content(SCAN, expires_at=NOW), replacement=content(SCAN)))
    outcome, steps = setup.not_scanned()
    assert outcome.kind is OutcomeKind.REUSED
    assert steps == ["remove content", "lease content", "finish with refund"]


# ---------------------------------------------------------------- a content without a scan


@pytest.mark.parametrize("attempts", [1, MAX_ATTEMPTS])
def test_a_message_is_retried_while_another_delivery_scans_the_content(attempts: int) -> None:
    setup = Setup(FakeImages(content=content(attempts=attempts, lease_until=NOW + 60)))
    outcome, steps = setup.not_scanned()
    assert (outcome.kind, outcome.is_done, outcome.wait_seconds) == (OutcomeKind.LEASED, False, None)
    assert steps == ["release with refund"]


def test_a_message_is_retried_if_the_content_may_be_leased_again() -> None:
    setup = Setup(FakeImages(content=content(attempts=1)))
    outcome, steps = setup.not_scanned()
    assert (outcome.kind, outcome.is_done, steps) == (OutcomeKind.LEASED, False, ["release with refund"])


@pytest.mark.parametrize(("wait", "is_done"), [(60, False), (MAX_DELAY_SECONDS, False), (MAX_DELAY_SECONDS + 1, True)])
def test_a_file_waits_as_long_as_its_content(wait: float, is_done: bool) -> None:
    setup = Setup(FakeImages(content=content(attempts=1, not_before=NOW + wait)))
    outcome, steps = setup.not_scanned()
    assert (outcome.kind, outcome.wait_seconds, outcome.is_done) == (OutcomeKind.BACKING_OFF, wait, is_done)
    assert steps == [f"release with refund until {NOW + wait:g}"]


@pytest.mark.parametrize("wait", [60, MAX_DELAY_SECONDS + 1])
def test_a_used_up_attempt_budget_is_not_renewed_before_the_wait_is_over(wait: float) -> None:
    setup = Setup(RenewableImages(content=content(attempts=MAX_ATTEMPTS, not_before=NOW + wait)))
    outcome, steps = setup.not_scanned()
    assert (outcome.kind, outcome.wait_seconds) == (OutcomeKind.BACKING_OFF, wait)
    assert steps == [f"release with refund until {NOW + wait:g}"]


USED_UP = f"exhaust content at {NOW:g}"


@pytest.mark.parametrize(
    ("item", "renewal"),
    [
        (content(attempts=MAX_ATTEMPTS), [USED_UP, "reopen content"]),
        (content(attempts=MAX_ATTEMPTS, lease_until=NOW - 1, not_before=NOW), [USED_UP, "reopen content"]),
        (content(attempts=MAX_ATTEMPTS, exhausted_at=TODAY[:2]), [USED_UP, "reopen content"]),
        (content(attempts=MAX_ATTEMPTS, exhausted_at=YESTERDAY), [USED_UP, "reopen content"]),
        (exhausted(*YESTERDAY), ["reopen content"]),
        (exhausted(*TODAY[1:]), ["reopen content"]),
    ],
    ids=["used up", "abandoned", "used up again", "used up on two days", "exhausted yesterday", "exhausted today"],
)
def test_a_used_up_attempt_budget_of_a_content_is_renewed(item: Image, renewal: list[str]) -> None:
    """The attempts may have been made for a request that failed before this file was sent."""
    setup = Setup(RenewableImages(content=item))
    assert (setup.scan().kind, setup.detector.calls) == (OutcomeKind.SCANNED, 1)
    assert setup.images.steps == ["lease", "lease content", *renewal, "lease content", "finish content", "finish"]


@pytest.mark.parametrize(
    ("item", "exhaustion"),
    [
        (content(attempts=MAX_ATTEMPTS, exhausted_at=TODAY[1:]), [USED_UP, "lease content"]),
        (exhausted(*TODAY), []),
    ],
    ids=["used up for the last time", "exhausted"],
)
def test_a_file_fails_if_its_content_is_exhausted_for_the_day(item: Image, exhaustion: list[str]) -> None:
    setup = Setup(RenewableImages(content=item))
    outcome, steps = setup.not_scanned()
    assert (outcome.kind, outcome.settled, outcome.is_done) == (OutcomeKind.EXHAUSTED, 1, True)
    assert steps == [*exhaustion, f"exhaust with refund at {NOW:g}"]
    [[settled]] = setup.requests.settled
    assert settled.answer
    assert settled.answer.failure == ATTEMPTS_EXHAUSTED


def test_a_content_that_is_scanned_before_its_exhaustion_is_recorded_is_copied() -> None:
    setup = Setup(RenewableImages(content=content(attempts=MAX_ATTEMPTS), exhausted=content(SCAN)))
    outcome, steps = setup.not_scanned()
    assert outcome.kind is OutcomeKind.REUSED
    assert steps == [USED_UP, "lease content", "finish with refund"]


def test_a_message_is_retried_if_another_delivery_leases_the_renewed_content() -> None:
    class ContendedImages(FakeImages):
        def reopen(self, image: Image) -> None:
            super().reopen(image)
            self.content = content(attempts=1, lease_until=NOW + 60)

    outcome, steps = Setup(ContendedImages(content=exhausted(*YESTERDAY))).not_scanned()
    assert (outcome.kind, outcome.is_done) == (OutcomeKind.LEASED, False)
    assert steps == ["reopen content", "lease content", "release with refund"]


def test_a_message_is_retried_if_the_file_changed_before_its_exhaustion_was_recorded() -> None:
    setup = Setup(FakeImages(content=exhausted(*TODAY), exhausted=Image(HASH, scan=replace(SCAN, scanned_hash=None))))
    outcome, steps = setup.not_scanned()
    assert (outcome.kind, outcome.is_done) == (OutcomeKind.LEASED, False)
    assert steps == [f"exhaust with refund at {NOW:g}", "release with refund"]


# ---------------------------------------------------------------- several features


@dataclass
class ImagesWithContents(FakeImages):
    """A table with an item of the content for some features. ``written`` records the leases and results by key."""

    contents: dict[str, Image] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)

    def lease(self, key: str, owner: str, now: float, until: float, max_attempts: int) -> LeaseResult:
        self.written.append(f"lease {key}")
        self.content = self.contents.get(key)
        return super().lease(key, owner, now, until, max_attempts)

    def finish(self, key: str, scan: Scan, refund: str | None = None) -> Image:
        self.written.append(f"finish {key}{' with refund' if refund else ''}")
        return super().finish(key, scan, refund)


def one_after_another(calls: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
    return [call() for call in calls]


def test_each_feature_of_a_content_is_shared_on_its_own() -> None:
    upload = upload_key("r", HASH, ImageType.JPEG)
    request = replace(
        REQUEST, image_key=upload, question=Question(("cat",), 90, others=((TEXT, ("sale",)),)), owner=None
    )
    labels_key, text_key = (content_item_key(CONTENT, feature) for feature in (LABELS, TEXT))
    images = ImagesWithContents(contents={labels_key: content(SCAN)})
    text = FakeDetector(Detection((TextLine("SALE", 99, ()),), "3.1"))
    labels = FakeDetector(DETECTION)
    scanner = Scanner(
        images,
        FakeRequests([request], {"r": request}),
        FakeBucket(StoredObject(upload, "v1", HASH, "r", NOW - 9, CONTENT)),
        {LABELS: labels, TEXT: text},
        lambda: NOW,
        lambda: 60,
        retention_seconds=RETENTION_SECONDS,
        run_all=one_after_another,
    )
    outcomes = scanner.scan(upload, owner="delivery-1")
    assert [(outcome.feature, outcome.kind) for outcome in outcomes] == [
        (LABELS, OutcomeKind.REUSED),
        (TEXT, OutcomeKind.SCANNED),
    ]
    assert (labels.calls, text.calls, outcomes[0].settled) == (0, 1, 1)
    assert images.written == [
        f"lease {HASH}",
        f"lease {labels_key}",
        f"finish {HASH} with refund",
        f"lease {item_key(HASH, TEXT)}",
        f"lease {text_key}",
        f"finish {text_key}",
        f"finish {item_key(HASH, TEXT)}",
    ]
