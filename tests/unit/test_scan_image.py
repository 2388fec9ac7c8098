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
from imagescan.domain.image import StoredObject
from imagescan.domain.image_record import ATTEMPTS_EXHAUSTED, Failure, Image, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.policy import DAY_SECONDS, LEASE_SECONDS, MAX_ATTEMPTS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest
from imagescan.use_cases.scan_image import Outcome, OutcomeKind, Scanner
from testing.fakes import HASH, KEY, FakeBucket, FakeDetector, FakeImages, FakeQuota, FakeRequests
from testing.images import png

SEEN = Detection((Label("Cat", 97),), "3.0")
UNREADABLE = Failure("image_invalid", "It cannot be read.")
NOW = 1000.0


def request(number: int = 0) -> ScanRequest:
    return ScanRequest(f"r{number}", HASH, KEY, Question(("cat",), 90), created_at=NOW - 1, deadline=NOW + 3600)


@dataclass
class Bench:
    """A scanner among fakes; ``time_left`` in seconds."""

    images: FakeImages = field(default_factory=FakeImages)
    requests: FakeRequests = field(default_factory=FakeRequests)
    bucket: FakeBucket = field(default_factory=FakeBucket)
    detector: FakeDetector = field(default_factory=lambda: FakeDetector(SEEN))
    budget: FakeQuota = field(default_factory=lambda: FakeQuota(10))
    time_left: float = 60

    def scan(self) -> Outcome:
        scanner = Scanner(
            self.images, self.requests, self.bucket, self.detector, lambda: NOW, lambda: self.time_left, self.budget
        )
        return scanner.scan(KEY, owner="delivery-1")


def test_a_new_image_is_leased_scanned_finished_and_its_requests_settled() -> None:
    bench = Bench(requests=FakeRequests([request()]))
    outcome = bench.scan()
    assert (outcome.result, outcome.settled, outcome.is_done) == (OutcomeKind.SCANNED, 1, True)
    assert bench.images.steps == ["lease", "finish"]
    assert bench.images.finished == [Scan(Status.COMPLETED, NOW, SEEN.labels, "3.0", scanned_for="r")]


def test_waiting_requests_are_settled_25_to_a_call() -> None:
    bench = Bench(requests=FakeRequests([request(n) for n in range(60)]))
    assert bench.scan().settled == 60
    assert [len(chunk) for chunk in bench.requests.settled] == [25, 25, 10]


@pytest.mark.parametrize(
    ("error", "result", "released"),
    [
        (TransientDetectorError("ThrottlingException"), OutcomeKind.TRANSIENT_ERROR, "release with refund"),
        (TransientDetectorError("ReadTimeoutError", may_be_billed=True), OutcomeKind.TRANSIENT_ERROR, "release"),
        (DetectorConfigurationError("AccessDeniedException"), OutcomeKind.CONFIGURATION_ERROR, "release with refund"),
    ],
)
def test_an_error_never_becomes_an_answer_and_the_message_comes_again(
    error: Exception, result: OutcomeKind, released: str
) -> None:
    bench = Bench(detector=FakeDetector(error))
    outcome = bench.scan()
    assert (outcome.result, outcome.detail, outcome.is_done) == (result, error.code, False)  # type: ignore[attr-defined]  # all three have one
    assert bench.images.steps == ["lease", released]


def test_an_image_that_cannot_be_read_ends_as_failed_with_the_reason() -> None:
    bench = Bench(detector=FakeDetector(ImageRejected("InvalidImageFormatException", UNREADABLE)))
    outcome = bench.scan()
    assert (outcome.result, outcome.is_done) == (OutcomeKind.REJECTED_IMAGE, True)
    assert [(scan.status, scan.failure) for scan in bench.images.finished] == [(Status.FAILED, UNREADABLE)]


def test_parameters_refused_for_an_image_too_small_fail_the_image_with_that_reason() -> None:
    bench = Bench(
        bucket=FakeBucket(start=png(40, 40)), detector=FakeDetector(InvalidParametersError("InvalidParameterException"))
    )
    assert bench.scan().result is OutcomeKind.REJECTED_IMAGE
    [scan] = bench.images.finished
    assert scan.failure
    assert scan.failure.code == "image_too_small"


def test_what_breaks_before_the_call_costs_no_attempt() -> None:
    class BrokenBucket(FakeBucket):
        def find(self, key: str) -> StoredObject | None:
            raise ConnectionError

        def read_header(self, stored: StoredObject) -> bytes:
            raise ConnectionError

    class UnreadableBucket(FakeBucket):
        read_header = BrokenBucket.read_header

    class BrokenBudget(FakeQuota):
        def take(self, now: float) -> bool:
            raise ConnectionError

    class StingyBudget(FakeQuota):
        def give_back(self, now: float) -> None:
            raise ConnectionError

    benches = [
        Bench(bucket=BrokenBucket()),
        Bench(budget=BrokenBudget(1)),
        Bench(detector=FakeDetector(TransientDetectorError("ThrottlingException")), budget=StingyBudget(1)),
        Bench(detector=FakeDetector(InvalidParametersError("InvalidParameterException")), bucket=UnreadableBucket()),
    ]
    for bench in benches:
        with pytest.raises(ConnectionError):
            bench.scan()
        assert bench.images.steps == ["lease", "release with refund"]


def test_what_breaks_in_the_call_may_have_been_paid_for() -> None:
    bench = Bench(detector=FakeDetector(ConnectionError()))
    with pytest.raises(ConnectionError):
        bench.scan()
    assert bench.images.steps == ["lease"]


@pytest.mark.parametrize("start", [png(100, 100), b"no image at all", b""])
def test_parameters_refused_for_any_other_reason_are_the_deployments_fault(start: bytes) -> None:
    bench = Bench(
        bucket=FakeBucket(start=start), detector=FakeDetector(InvalidParametersError("InvalidParameterException"))
    )
    assert (bench.scan().result, bench.images.finished) == (OutcomeKind.CONFIGURATION_ERROR, [])


@pytest.mark.parametrize(
    ("stored", "result"),
    [(None, OutcomeKind.OBJECT_MISSING), (StoredObject(KEY, "v1", "cd" * 32, None), OutcomeKind.HASH_MISMATCH)],
)
def test_an_object_that_is_gone_or_not_what_its_key_says_is_never_scanned(
    stored: StoredObject | None, result: OutcomeKind
) -> None:
    bench = Bench(bucket=FakeBucket(stored))
    assert bench.scan().result is result
    assert (bench.detector.calls, bench.images.steps) == (0, ["lease", "release with refund as bytes_missing"])


def test_an_object_that_was_there_once_is_not_forgotten_when_it_is_gone() -> None:
    bench = Bench(images=FakeImages(first_leased_at=NOW - 60), bucket=FakeBucket(None))
    assert bench.scan().result is OutcomeKind.OBJECT_MISSING
    assert bench.images.steps == ["lease", "release with refund"]


@pytest.mark.parametrize(
    ("row", "result", "done"),
    [
        (Image(HASH, scan=Scan(Status.COMPLETED, NOW - 5)), OutcomeKind.DUPLICATE, True),
        (Image(HASH, 1, lease_until=NOW + LEASE_SECONDS), OutcomeKind.LEASED, False),
        (Image(HASH, MAX_ATTEMPTS, lease_until=NOW + 1), OutcomeKind.LEASED, False),
        (Image(HASH, MAX_ATTEMPTS, lease_until=NOW - 1), OutcomeKind.EXHAUSTED, True),
        (Image(HASH, MAX_ATTEMPTS), OutcomeKind.EXHAUSTED, True),
    ],
)
def test_a_refused_lease_is_judged_by_the_row_it_met(row: Image, result: OutcomeKind, done: bool) -> None:
    bench = Bench(images=FakeImages(refusal=row))
    outcome = bench.scan()
    assert (outcome.result, outcome.is_done, bench.detector.calls) == (result, done, 0)


def test_an_image_that_was_broken_off_too_often_fails_for_good() -> None:
    bench = Bench(images=FakeImages(refusal=Image(HASH, MAX_ATTEMPTS)))
    bench.scan()
    assert [scan.failure for scan in bench.images.finished] == [ATTEMPTS_EXHAUSTED]


def test_a_duplicate_settles_the_requests_that_came_since() -> None:
    row = Image(HASH, scan=Scan(Status.COMPLETED, NOW - 5, SEEN.labels))
    bench = Bench(images=FakeImages(refusal=row), requests=FakeRequests([request()]))
    assert bench.scan().settled == 1


def test_settling_that_breaks_never_makes_the_message_fail() -> None:
    broken = RuntimeError("the index is away")
    outcome = Bench(requests=FakeRequests(broken=broken)).scan()
    assert (outcome.result, outcome.is_done, outcome.error) == (OutcomeKind.SCANNED, True, broken)


def test_without_time_for_a_scan_nothing_is_begun() -> None:
    bench = Bench(time_left=10)
    assert (bench.scan().result, bench.images.steps) == (OutcomeKind.OUT_OF_TIME, [])


def test_settling_stops_when_its_time_runs_out() -> None:
    bench = Bench(requests=FakeRequests([request(n) for n in range(60)]))
    left = iter([60, 60, 60, 1, 1])
    scanner = Scanner(bench.images, bench.requests, bench.bucket, bench.detector, lambda: NOW, lambda: next(left))
    assert scanner.scan(KEY, owner="delivery-1").settled == 50


def test_a_foreign_key_is_a_mistake_of_the_caller() -> None:
    bench = Bench()
    scanner = Scanner(bench.images, bench.requests, bench.bucket, bench.detector, lambda: NOW, lambda: 60)
    with pytest.raises(ValueError, match=r"images/cat\.jpg"):
        scanner.scan("images/cat.jpg", owner="delivery-1")


def test_without_budget_an_image_is_put_off_and_its_message_has_done_its_work() -> None:
    bench = Bench(budget=FakeQuota(0))
    outcome = bench.scan()
    assert (outcome.result, outcome.is_done, bench.detector.calls) == (OutcomeKind.DEFERRED, True, 0)
    assert bench.images.steps == ["lease", f"put off since {NOW:g}"]


@pytest.mark.parametrize(
    ("earlier", "began"),
    [((NOW - 10,), NOW - 10), ((NOW - DAY_SECONDS,), NOW), ((NOW - DAY_SECONDS, NOW - 10), NOW - 10)],
)
def test_a_wait_begins_once_a_day(earlier: tuple[float, ...], began: float) -> None:
    bench = Bench(FakeImages(deferred_at=earlier), budget=FakeQuota(0))
    bench.scan()
    assert bench.images.steps == ["lease", f"put off since {began:g}"]


def test_a_message_whose_image_could_not_be_marked_as_waiting_comes_again() -> None:
    outcome = Bench(FakeImages(has_its_lease=False), budget=FakeQuota(0)).scan()
    assert (outcome.result, outcome.is_done) == (OutcomeKind.LEASED, False)


@pytest.mark.parametrize(
    ("answer", "given_back"),
    [
        (SEEN, []),
        (ImageRejected("InvalidImageFormatException", UNREADABLE), []),
        (TransientDetectorError("ReadTimeoutError", may_be_billed=True), []),
        (TransientDetectorError("ThrottlingException"), [NOW]),
        (DetectorConfigurationError("AccessDeniedException"), [NOW]),
        (InvalidParametersError("InvalidParameterException"), [NOW]),
    ],
)
def test_the_budget_gets_back_what_cost_nothing(answer: Detection | DetectionError, given_back: list[float]) -> None:
    bench = Bench(detector=FakeDetector(answer))
    bench.scan()
    assert (bench.budget.left, bench.budget.given_back) == (9, given_back)


def test_an_image_that_is_not_there_takes_nothing_of_the_budget() -> None:
    bench = Bench(bucket=FakeBucket(None), budget=FakeQuota(0))
    assert (bench.scan().result, bench.budget.left) == (OutcomeKind.OBJECT_MISSING, 0)
