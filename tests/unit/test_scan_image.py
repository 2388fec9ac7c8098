from dataclasses import dataclass, field

import pytest

from imagescan.domain.detection import (
    Detection,
    DetectionError,
    DetectorConfigurationError,
    ImageRejected,
    InvalidParametersError,
    TransientDetectorError,
)
from imagescan.domain.feature import Feature
from imagescan.domain.image import StoredObject
from imagescan.domain.image_record import ATTEMPTS_EXHAUSTED, Failure, Image, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.policy import BACKOFF_SECONDS, DAY_SECONDS, LEASE_SECONDS, MAX_ATTEMPTS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest
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
from testing.images import jpeg, png

DETECTION = Detection((Label("Cat", 97),), "3.0")
CORRUPT = Failure("image_invalid", "The image is corrupt.")
NOW = 1000.0


def request(number: int = 0) -> ScanRequest:
    return ScanRequest(f"r{number}", HASH, KEY, Question(("cat",), 90), created_at=NOW - 1, deadline=NOW + 3600)


BACKING_OFF = f"release until {NOW + BACKOFF_SECONDS[0]:g}"


@dataclass
class Setup:
    """A scanner with fakes. ``time_left`` is in seconds."""

    images: FakeImages = field(default_factory=FakeImages)
    requests: FakeRequests = field(default_factory=FakeRequests)
    bucket: FakeBucket = field(default_factory=FakeBucket)
    detector: FakeDetector = field(default_factory=lambda: FakeDetector(DETECTION))
    quota: FakeQuota = field(default_factory=lambda: FakeQuota(10))
    time_left: float = 60

    def scan(self) -> Outcome:
        detectors = {Feature.LABELS: self.detector}
        scanner = Scanner(
            self.images, self.requests, self.bucket, detectors, lambda: NOW, lambda: self.time_left, self.quota
        )
        [outcome] = scanner.scan(KEY, owner="delivery-1")
        return outcome


def test_a_new_image_is_leased_scanned_and_finished_and_its_requests_are_settled() -> None:
    setup = Setup(requests=FakeRequests([request()]))
    outcome = setup.scan()
    assert (outcome.kind, outcome.settled, outcome.is_done) == (OutcomeKind.SCANNED, 1, True)
    assert setup.images.steps == ["lease", "finish"]
    assert setup.images.finished == [Scan(Status.COMPLETED, NOW, DETECTION.findings, "3.0")]


def test_pending_requests_are_settled_25_per_call() -> None:
    setup = Setup(requests=FakeRequests([request(n) for n in range(60)]))
    assert setup.scan().settled == 60
    assert [len(chunk) for chunk in setup.requests.settled] == [25, 25, 10]


@pytest.mark.parametrize(
    ("error", "kind", "released"),
    [
        (TransientDetectorError("ThrottlingException"), OutcomeKind.TRANSIENT_ERROR, "release with refund"),
        (TransientDetectorError("ReadTimeoutError", may_be_billed=True), OutcomeKind.TRANSIENT_ERROR, BACKING_OFF),
        (DetectorConfigurationError("AccessDeniedException"), OutcomeKind.CONFIGURATION_ERROR, "release with refund"),
    ],
)
def test_a_detector_error_releases_the_lease_and_the_message_is_retried(
    error: DetectionError, kind: OutcomeKind, released: str
) -> None:
    setup = Setup(detector=FakeDetector(error))
    outcome = setup.scan()
    assert (outcome.kind, outcome.detail, outcome.is_done) == (kind, error.code, False)
    assert setup.images.steps == ["lease", released]


def test_an_image_that_the_detector_rejects_fails_with_the_reason() -> None:
    setup = Setup(detector=FakeDetector(ImageRejected("InvalidImageFormatException", CORRUPT)))
    outcome = setup.scan()
    assert (outcome.kind, outcome.is_done) == (OutcomeKind.REJECTED_IMAGE, True)
    assert [(scan.status, scan.failure) for scan in setup.images.finished] == [(Status.FAILED, CORRUPT)]


def test_rejected_parameters_fail_an_image_that_is_too_small() -> None:
    setup = Setup(
        bucket=FakeBucket(header=png(40, 40)),
        detector=FakeDetector(InvalidParametersError("InvalidParameterException")),
    )
    assert setup.scan().kind is OutcomeKind.REJECTED_IMAGE
    [scan] = setup.images.finished
    assert scan.failure
    assert scan.failure.code == "image_too_small"


def test_an_error_before_the_paid_call_refunds_the_attempt() -> None:
    class UnavailableBucket(FakeBucket):
        def find(self, key: str) -> StoredObject | None:
            raise ConnectionError

        def read_header(self, stored: StoredObject) -> bytes:
            raise ConnectionError

    class BucketWithoutReads(FakeBucket):
        read_header = UnavailableBucket.read_header

    setups = [
        Setup(bucket=UnavailableBucket()),
        Setup(quota=UnavailableQuota(1)),
        Setup(detector=FakeDetector(TransientDetectorError("ThrottlingException")), quota=QuotaWithoutRefunds(1)),
        Setup(detector=FakeDetector(InvalidParametersError("InvalidParameterException")), bucket=BucketWithoutReads()),
    ]
    for setup in setups:
        assert_failed_unexpectedly(setup.scan())
        assert setup.images.steps == ["lease", "release with refund"]


def assert_failed_unexpectedly(outcome: Outcome) -> None:
    """Assert that the outcome carries the ConnectionError, and that the message is retried."""
    assert (outcome.kind, outcome.detail, outcome.is_done) == (OutcomeKind.UNEXPECTED_ERROR, "ConnectionError", False)
    assert isinstance(outcome.error, ConnectionError)


def test_an_unexpected_error_of_the_paid_call_does_not_refund_the_attempt() -> None:
    setup = Setup(detector=FakeDetector(ConnectionError()))
    assert_failed_unexpectedly(setup.scan())
    assert setup.images.steps == ["lease"]


@pytest.mark.parametrize("header", [png(100, 100), jpeg(100, 100)], ids=["PNG", "JPEG"])
def test_rejected_parameters_are_a_configuration_error_unless_the_header_explains_them(header: bytes) -> None:
    setup = Setup(
        bucket=FakeBucket(header=header), detector=FakeDetector(InvalidParametersError("InvalidParameterException"))
    )
    assert (setup.scan().kind, setup.images.finished) == (OutcomeKind.CONFIGURATION_ERROR, [])


@pytest.mark.parametrize(
    ("stored", "kind"),
    [(None, OutcomeKind.OBJECT_MISSING), (StoredObject(KEY, "v1", "cd" * 32, None), OutcomeKind.HASH_MISMATCH)],
)
def test_a_missing_object_and_one_with_another_hash_are_never_scanned(
    stored: StoredObject | None, kind: OutcomeKind
) -> None:
    setup = Setup(bucket=FakeBucket(stored))
    assert setup.scan().kind is kind
    assert (setup.detector.calls, setup.images.steps) == (0, ["lease", "release with refund as bytes_missing"])


def test_the_record_that_an_object_existed_is_kept_after_its_deletion() -> None:
    setup = Setup(images=FakeImages(first_leased_at=NOW - 60), bucket=FakeBucket(None))
    assert setup.scan().kind is OutcomeKind.OBJECT_MISSING
    assert setup.images.steps == ["lease", "release with refund"]


@pytest.mark.parametrize(
    ("item", "kind", "is_done"),
    [
        (Image(HASH, scan=Scan(Status.COMPLETED, NOW - 5)), OutcomeKind.DUPLICATE, True),
        (Image(HASH, 1, lease_until=NOW + LEASE_SECONDS), OutcomeKind.LEASED, False),
        (Image(HASH, MAX_ATTEMPTS, lease_until=NOW + 1), OutcomeKind.LEASED, False),
        (Image(HASH, MAX_ATTEMPTS, lease_until=NOW - 1), OutcomeKind.EXHAUSTED, True),
        (Image(HASH, MAX_ATTEMPTS), OutcomeKind.EXHAUSTED, True),
        (Image(HASH, MAX_ATTEMPTS, exhausted_at=(NOW,), is_exhausted=True), OutcomeKind.DUPLICATE, True),
    ],
)
def test_a_refused_lease_is_handled_by_the_existing_item(item: Image, kind: OutcomeKind, is_done: bool) -> None:
    setup = Setup(images=FakeImages(lease_refused_by=item))
    outcome = setup.scan()
    assert (outcome.kind, outcome.is_done, setup.detector.calls) == (kind, is_done, 0)


def test_an_image_without_attempts_left_fails_the_requests_that_wait_for_it() -> None:
    setup = Setup(FakeImages(lease_refused_by=Image(HASH, MAX_ATTEMPTS)), FakeRequests([request()]))
    assert setup.scan().settled == 1
    assert setup.images.steps == ["lease", f"exhaust at {NOW:g}"]
    [[settled]] = setup.requests.settled
    assert settled.answer
    assert settled.answer.failure == ATTEMPTS_EXHAUSTED


@pytest.mark.parametrize(
    "current", [Image(HASH), Image(HASH, MAX_ATTEMPTS, exhausted_at=(NOW - 5,), is_exhausted=True)]
)
def test_a_message_is_retried_if_the_image_changed_before_its_exhaustion_was_recorded(current: Image) -> None:
    outcome = Setup(FakeImages(lease_refused_by=Image(HASH, MAX_ATTEMPTS), exhausted=current)).scan()
    assert (outcome.kind, outcome.is_done) == (OutcomeKind.LEASED, False)


@pytest.mark.parametrize(("attempts", "wait"), [*enumerate(BACKOFF_SECONDS, 1), (MAX_ATTEMPTS, None)])
def test_the_wait_grows_with_each_attempt_that_may_have_been_billed(attempts: int, wait: float | None) -> None:
    error = TransientDetectorError("ReadTimeoutError", may_be_billed=True)
    setup = Setup(FakeImages(attempts=attempts), detector=FakeDetector(error))
    outcome = setup.scan()
    assert (outcome.wait_seconds, outcome.is_done) == (wait, False)
    assert setup.images.steps == ["lease", "release" if wait is None else f"release until {NOW + wait:g}"]


@pytest.mark.parametrize(("wait", "is_done"), [(1, False), (MAX_DELAY_SECONDS, False), (MAX_DELAY_SECONDS + 1, True)])
def test_the_sweeper_enqueues_an_image_that_must_wait_for_long(wait: float, is_done: bool) -> None:
    outcome = Setup(FakeImages(lease_refused_by=Image(HASH, 1, not_before=NOW + wait))).scan()
    assert (outcome.kind, outcome.wait_seconds, outcome.is_done) == (OutcomeKind.BACKING_OFF, wait, is_done)


def test_a_duplicate_delivery_settles_newer_requests() -> None:
    item = Image(HASH, scan=Scan(Status.COMPLETED, NOW - 5, DETECTION.findings))
    setup = Setup(images=FakeImages(lease_refused_by=item), requests=FakeRequests([request()]))
    assert setup.scan().settled == 1


def test_an_error_while_settling_does_not_fail_the_message() -> None:
    error = RuntimeError("the index is unavailable")
    outcome = Setup(requests=FakeRequests(query_error=error)).scan()
    assert (outcome.kind, outcome.is_done, outcome.error) == (OutcomeKind.SCANNED, True, error)


def test_no_scan_starts_without_enough_time() -> None:
    setup = Setup(time_left=10)
    assert (setup.scan().kind, setup.images.steps) == (OutcomeKind.OUT_OF_TIME, [])


def test_settling_stops_when_time_runs_out() -> None:
    setup = Setup(requests=FakeRequests([request(n) for n in range(60)]))
    time_left = iter([60, 60, 60, 60, 1, 1])
    detectors = {Feature.LABELS: setup.detector}
    scanner = Scanner(setup.images, setup.requests, setup.bucket, detectors, lambda: NOW, lambda: next(time_left))
    [outcome] = scanner.scan(KEY, owner="delivery-1")
    assert outcome.settled == 50


def test_a_foreign_key_raises_an_error() -> None:
    setup = Setup()
    scanner = Scanner(setup.images, setup.requests, setup.bucket, {}, lambda: NOW, lambda: 60)
    with pytest.raises(ValueError, match=r"images/cat\.jpg"):
        scanner.scan("images/cat.jpg", owner="delivery-1")


def test_an_image_is_deferred_and_its_message_deleted_if_the_quota_is_used_up() -> None:
    setup = Setup(quota=FakeQuota(0))
    outcome = setup.scan()
    assert (outcome.kind, outcome.is_done, setup.detector.calls) == (OutcomeKind.DEFERRED, True, 0)
    assert setup.images.steps == ["lease", f"defer since {NOW:g}"]


@pytest.mark.parametrize(
    ("earlier", "began"),
    [((NOW - 10,), NOW - 10), ((NOW - DAY_SECONDS,), NOW), ((NOW - DAY_SECONDS, NOW - 10), NOW - 10)],
)
def test_an_image_is_deferred_at_most_once_per_day(earlier: tuple[float, ...], began: float) -> None:
    setup = Setup(FakeImages(deferred_at=earlier), quota=FakeQuota(0))
    setup.scan()
    assert setup.images.steps == ["lease", f"defer since {began:g}"]


def test_a_message_is_retried_if_the_deferral_of_its_image_was_not_recorded() -> None:
    outcome = Setup(FakeImages(is_still_leased=False), quota=FakeQuota(0)).scan()
    assert (outcome.kind, outcome.is_done) == (OutcomeKind.LEASED, False)


@pytest.mark.parametrize(
    ("result", "refunds"),
    [
        (DETECTION, []),
        (ImageRejected("InvalidImageFormatException", CORRUPT), []),
        (TransientDetectorError("ReadTimeoutError", may_be_billed=True), []),
        (TransientDetectorError("ThrottlingException"), [NOW]),
        (DetectorConfigurationError("AccessDeniedException"), [NOW]),
        (InvalidParametersError("InvalidParameterException"), [NOW]),
    ],
)
def test_the_quota_is_refunded_for_calls_that_are_not_billed(
    result: Detection | DetectionError, refunds: list[float]
) -> None:
    setup = Setup(detector=FakeDetector(result))
    setup.scan()
    assert (setup.quota.remaining, setup.quota.refunds) == (9, refunds)


def test_a_missing_object_does_not_use_the_quota() -> None:
    setup = Setup(bucket=FakeBucket(None), quota=FakeQuota(0))
    assert (setup.scan().kind, setup.quota.remaining) == (OutcomeKind.OBJECT_MISSING, 0)
