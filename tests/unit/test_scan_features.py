"""A delivery scans an object for each feature of its request, and the features do not affect each other."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from imagescan.domain.detection import Detection, DetectionError, ImageRejected, TransientDetectorError
from imagescan.domain.feature import Feature, feature_from_item_key, item_key
from imagescan.domain.image import StoredObject, upload_key
from imagescan.domain.image_header import ImageType
from imagescan.domain.image_record import ATTEMPTS_EXHAUSTED, Failure, Image, LeaseResult, Possession, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.moderation import ModerationLabel
from imagescan.domain.policy import LEASE_SECONDS, MAX_ATTEMPTS, REQUEST_STORED_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_message import ScanMessage
from imagescan.domain.scan_request import Answer, ScanRequest
from imagescan.domain.text import TextLine
from imagescan.use_cases.scan_batch import MessageResult
from imagescan.use_cases.scan_image import Outcome, OutcomeKind, Scanner
from testing.fakes import HASH, KEY, FakeBucket, FakeDetector, FakeImages, FakeQuota, FakeRequests

LABELS, MODERATION, TEXT = Feature
NOW = 10_000.0
UPLOAD = upload_key("r", HASH, ImageType.JPEG)
DETECTIONS = {
    LABELS: Detection((Label("Cat", 97),), "3.0"),
    MODERATION: Detection((ModerationLabel("Violence", 95),), "7.0"),
    TEXT: Detection((TextLine("SALE", 99, ()),), "3.1"),
}
FOR_LABELS = Question(("cat",), 90)
FOR_TEXT = Question((), 90, others=((TEXT, ("sale",)),))
FOR_TWO = Question(("cat",), 90, others=((TEXT, ("sale",)),))
REQUEST = ScanRequest("r", HASH, UPLOAD, FOR_TWO, created_at=NOW - 1, deadline=NOW + 3600)
OTHER = replace(REQUEST, id="other", image_key=KEY, question=FOR_LABELS)
THROTTLED = TransientDetectorError("ThrottlingException")


def scanned(feature: Feature, at: float = NOW - 5) -> Image:
    scan = Scan(Status.COMPLETED, at, DETECTIONS[feature].findings, "3.0", scanned_for="earlier", feature=feature)
    return Image(item_key(HASH, feature), attempts=1, first_leased_at=at, scan=scan)


@dataclass
class Images(FakeImages):
    """The images table, in which a lease is refused by an item that is in ``refusing``.

    ``written`` records the writes by feature.
    """

    refusing: dict[Feature, Image] = field(default_factory=dict)
    written: dict[Feature, list[str]] = field(default_factory=dict)

    def lease(self, key: str, owner: str, now: float, until: float, max_attempts: int) -> LeaseResult:
        self._record(key, "lease")
        refusing = self.refusing.get(feature_from_item_key(key))
        return LeaseResult(refusing is None, refusing or Image(key, 1, now, until))

    def release(
        self,
        key: str,
        owner: str,
        *,
        refund: bool,
        bytes_missing: bool = False,
        not_before: float | None = None,
    ) -> None:
        self._record(key, "release")

    def defer(self, key: str, owner: str, began: float) -> bool:
        self._record(key, "defer")
        return True

    def exhaust(self, image: Image, at: float, refund: str | None = None) -> Image:
        self._record(image.key, "exhaust")
        return super().exhaust(image, at, refund)

    def finish(self, key: str, scan: Scan, refund: str | None = None) -> Image:
        self._record(key, "finish")
        return super().finish(key, scan, refund)

    def _record(self, key: str, step: str) -> None:
        self.written.setdefault(feature_from_item_key(key), []).append(step)


@dataclass
class Quota(FakeQuota):
    """A quota that records the features of its calls."""

    features: list[Feature | None] = field(default_factory=list)

    def try_acquire(self, now: float, feature: Feature | None = None) -> bool:
        self.features.append(feature)
        return super().try_acquire(now, feature)

    def refund(self, now: float, feature: Feature | None = None) -> None:
        self.features.append(feature)
        super().refund(now, feature)


def one_after_another(calls: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
    return [call() for call in calls]


@dataclass
class Setup:
    """A scanner for an object of the request ``r``. ``results`` replace what the detectors return or raise."""

    images: Images = field(default_factory=Images)
    requests: FakeRequests = field(default_factory=lambda: FakeRequests([REQUEST], {"r": REQUEST}))
    key: str = UPLOAD
    uploaded_at: float = NOW - REQUEST_STORED_SECONDS
    results: dict[Feature, Detection | DetectionError | Exception] = field(default_factory=dict)
    quota: Quota = field(default_factory=lambda: Quota(10))

    def __post_init__(self) -> None:
        results = DETECTIONS | self.results
        self.detectors = {feature: FakeDetector(results[feature]) for feature in Feature}

    def scan(self) -> list[Outcome]:
        bucket = FakeBucket(StoredObject(self.key, "v1", HASH, "r", self.uploaded_at))
        scanner = Scanner(
            self.images,
            self.requests,
            bucket,
            self.detectors,
            lambda: NOW,
            lambda: 60,
            self.quota,
            run_all=one_after_another,
        )
        return scanner.scan(self.key, owner="delivery-1")

    @property
    def calls(self) -> dict[Feature, int]:
        """The number of detector calls by feature, without the features that were not called."""
        return {feature: detector.calls for feature, detector in self.detectors.items() if detector.calls}

    @property
    def settled(self) -> list[str]:
        return [request.id for chunk in self.requests.settled for request in chunk]


def kinds(outcomes: Sequence[Outcome]) -> list[tuple[Feature | None, OutcomeKind]]:
    return [(outcome.feature, outcome.kind) for outcome in outcomes]


def is_acknowledged(outcomes: Sequence[Outcome]) -> bool:
    return MessageResult(ScanMessage("m", "receipt", 1), tuple(outcomes)).is_done


# ---------------------------------------------------------------- one delivery


def test_a_delivery_scans_each_feature_of_the_request_and_settles_it_once() -> None:
    setup = Setup()
    outcomes = setup.scan()
    assert kinds(outcomes) == [(LABELS, OutcomeKind.SCANNED), (TEXT, OutcomeKind.SCANNED)]
    assert setup.images.written == {LABELS: ["lease", "finish"], TEXT: ["lease", "finish"]}
    assert setup.images.finished == [
        Scan(
            Status.COMPLETED,
            NOW,
            DETECTIONS[feature].findings,
            DETECTIONS[feature].model_version,
            None,
            "r",
            None,
            feature,
        )
        for feature in (LABELS, TEXT)
    ]
    assert (setup.calls, setup.settled) == ({LABELS: 1, TEXT: 1}, ["r"])
    assert [outcome.settled for outcome in outcomes] == [1, 0]
    [[settled]] = setup.requests.settled
    assert settled.answer
    assert [scan.feature for scan in settled.answer.scans] == [LABELS, TEXT]


def test_the_features_of_an_image_are_scanned_at_the_same_time() -> None:
    barrier = threading.Barrier(2)

    class Detector(FakeDetector):
        def detect(self, stored: StoredObject) -> Detection:
            barrier.wait(timeout=5)  # raises an error unless both arrive
            return super().detect(stored)

    detectors = {feature: Detector(detection) for feature, detection in DETECTIONS.items()}
    bucket = FakeBucket(StoredObject(UPLOAD, "v1", HASH, "r"))
    requests = FakeRequests(stored={"r": REQUEST})
    outcomes = Scanner(Images(), requests, bucket, detectors, lambda: NOW, lambda: 60).scan(UPLOAD, "delivery")
    assert kinds(outcomes) == [(LABELS, OutcomeKind.SCANNED), (TEXT, OutcomeKind.SCANNED)]


def test_each_call_is_counted_and_refunded_for_its_feature() -> None:
    setup = Setup(results={TEXT: THROTTLED})
    setup.scan()
    assert setup.quota.features == [LABELS, TEXT, TEXT]
    assert (setup.quota.remaining, setup.quota.refunds) == (8, [NOW])


def test_the_scans_belong_to_the_owner_of_the_request_who_gets_possession_once() -> None:
    owned = replace(REQUEST, owner="bob")
    setup = Setup(requests=FakeRequests([owned], {"r": owned}))
    setup.scan()
    assert setup.images.steps.count(f"grant bob at {NOW:g}") == 1
    assert {(scan.scanned_for, scan.owner) for scan in setup.images.finished} == {("r", "bob")}
    assert setup.settled == ["r"]


# ---------------------------------------------------------------- errors in one feature


@pytest.mark.parametrize("failing", [LABELS, TEXT])
@pytest.mark.parametrize(
    ("error", "kind", "written", "acknowledged"),
    [
        (THROTTLED, OutcomeKind.TRANSIENT_ERROR, "release", False),
        (ConnectionError(), OutcomeKind.UNEXPECTED_ERROR, None, False),
        (
            ImageRejected("ImageTooLargeException", Failure("image_too_large", "Scale it down.")),
            OutcomeKind.REJECTED_IMAGE,
            "finish",
            True,
        ),
    ],
)
def test_an_error_in_one_feature_does_not_affect_the_other(
    failing: Feature, error: Exception, kind: OutcomeKind, written: str | None, acknowledged: bool
) -> None:
    setup = Setup(results={failing: error})
    outcomes = setup.scan()
    scanned_feature = TEXT if failing is LABELS else LABELS
    assert dict(kinds(outcomes)) == {failing: kind, scanned_feature: OutcomeKind.SCANNED}
    assert setup.images.written == {
        failing: ["lease", written] if written else ["lease"],
        scanned_feature: ["lease", "finish"],
    }
    assert is_acknowledged(outcomes) is acknowledged
    assert setup.settled == (["r"] if acknowledged else [])


def test_a_feature_over_the_quota_is_deferred_and_the_other_one_is_scanned() -> None:
    setup = Setup(quota=Quota(1))
    outcomes = setup.scan()
    assert kinds(outcomes) == [(LABELS, OutcomeKind.SCANNED), (TEXT, OutcomeKind.DEFERRED)]
    assert setup.images.written == {LABELS: ["lease", "finish"], TEXT: ["lease", "defer"]}
    assert (is_acknowledged(outcomes), setup.settled) == (True, [])


def test_requests_that_need_only_the_scanned_feature_are_settled_although_the_other_one_failed() -> None:
    requests = FakeRequests([REQUEST, OTHER, replace(OTHER, id="text", question=FOR_TEXT)], {"r": REQUEST})
    setup = Setup(requests=requests, results={TEXT: THROTTLED})
    setup.scan()
    assert setup.settled == ["other"]


def test_a_repeated_delivery_scans_only_what_is_missing_and_settles_the_request() -> None:
    setup = Setup(Images(refusing={LABELS: scanned(LABELS)}))
    outcomes = setup.scan()
    assert kinds(outcomes) == [(LABELS, OutcomeKind.DUPLICATE), (TEXT, OutcomeKind.SCANNED)]
    assert (setup.calls, setup.settled) == ({TEXT: 1}, ["r"])


@pytest.mark.parametrize(
    ("refusing", "kind"),
    [
        (Image(item_key(HASH, TEXT), 1, lease_until=NOW + LEASE_SECONDS), OutcomeKind.LEASED),
        (Image(item_key(HASH, TEXT), 1, not_before=NOW + 60), OutcomeKind.BACKING_OFF),
    ],
)
def test_a_feature_that_another_delivery_scans_does_not_hold_up_the_other(refusing: Image, kind: OutcomeKind) -> None:
    setup = Setup(Images(refusing={TEXT: refusing}), FakeRequests([REQUEST, OTHER], {"r": REQUEST}))
    outcomes = setup.scan()
    assert kinds(outcomes) == [(LABELS, OutcomeKind.SCANNED), (TEXT, kind)]
    assert (is_acknowledged(outcomes), setup.settled) == (False, ["other"])


def test_a_request_fails_if_the_attempts_for_one_feature_are_exhausted() -> None:
    setup = Setup(Images(refusing={TEXT: Image(item_key(HASH, TEXT), MAX_ATTEMPTS)}))
    outcomes = setup.scan()
    assert kinds(outcomes) == [(LABELS, OutcomeKind.SCANNED), (TEXT, OutcomeKind.EXHAUSTED)]
    assert setup.images.written[TEXT] == ["lease", "exhaust"]
    [[settled]] = setup.requests.settled
    assert settled.answer
    assert settled.answer.failure
    assert (settled.answer.failure.code, settled.answer.failure.feature) == (ATTEMPTS_EXHAUSTED.code, TEXT)


def test_an_error_while_settling_is_logged_with_the_first_finished_feature() -> None:
    error = RuntimeError("the index is unavailable")
    requests = FakeRequests(stored={"r": REQUEST}, query_error=error)
    outcomes = Setup(requests=requests, results={LABELS: THROTTLED}).scan()
    assert [(outcome.feature, outcome.error) for outcome in outcomes] == [(LABELS, None), (TEXT, error)]


# ---------------------------------------------------------------- objects and their requests


def test_posted_bytes_that_requests_share_are_scanned_for_labels_only() -> None:
    waiting = [replace(OTHER, id="text", question=FOR_TEXT), OTHER]
    setup = Setup(requests=FakeRequests(waiting, {"r": replace(OTHER, id="r")}), key=KEY)
    assert kinds(setup.scan()) == [(LABELS, OutcomeKind.SCANNED)]
    assert (setup.calls, setup.settled) == ({LABELS: 1}, ["other"])


@pytest.mark.parametrize("key", [KEY, UPLOAD])
@pytest.mark.parametrize(
    ("waiting", "kind"),
    [(FOR_LABELS, OutcomeKind.SCANNED), (FOR_TEXT, OutcomeKind.UNREQUESTED)],
    ids=["labels", "text"],
)
def test_an_object_without_a_pending_request_is_scanned_only_if_another_request_waits_for_labels(
    key: str, waiting: Question, kind: OutcomeKind
) -> None:
    """A request for other features has an object of its own, whose message scans them."""
    setup = Setup(requests=FakeRequests([replace(OTHER, question=waiting)], deleted={"r"}), key=key)
    assert kinds(setup.scan()) == [(LABELS, kind)]
    assert setup.calls == ({LABELS: 1} if kind is OutcomeKind.SCANNED else {})


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (FOR_TEXT, [(None, OutcomeKind.DUPLICATE)]),
        (FOR_TWO, [(LABELS, OutcomeKind.SCANNED)]),
        (FOR_LABELS, [(LABELS, OutcomeKind.SCANNED)]),
    ],
)
def test_the_upload_of_a_finished_request_is_scanned_for_others_only_if_that_request_needed_labels(
    question: Question, expected: list[tuple[Feature | None, OutcomeKind]]
) -> None:
    finished = replace(REQUEST, question=question, answer=Answer(Status.COMPLETED, NOW))
    setup = Setup(requests=FakeRequests([OTHER], {"r": finished}))
    outcomes = setup.scan()
    assert (kinds(outcomes), is_acknowledged(outcomes)) == (expected, True)


@pytest.mark.parametrize("key", [KEY, UPLOAD])
def test_an_upload_whose_request_may_still_be_stored_is_neither_marked_nor_scanned(key: str) -> None:
    setup = Setup(requests=FakeRequests(), key=key, uploaded_at=NOW - REQUEST_STORED_SECONDS + 1)
    [outcome] = setup.scan()
    assert (outcome.kind, outcome.is_done, setup.calls) == (OutcomeKind.REQUEST_MISSING, False, {})
    assert [step for step in setup.images.steps if step.startswith("mark")] == []


def test_an_upload_that_waits_for_its_request_takes_no_lease() -> None:
    setup = Setup(requests=FakeRequests([OTHER]), uploaded_at=NOW)
    [outcome] = setup.scan()
    assert (outcome.kind, outcome.feature, setup.images.written) == (OutcomeKind.REQUEST_MISSING, None, {})


# ---------------------------------------------------------------- settling


@pytest.mark.parametrize(
    ("text_item", "settled"), [(scanned(TEXT), ["both"]), (Image(item_key(HASH, TEXT), attempts=1), []), (None, [])]
)
def test_a_request_for_more_features_is_settled_if_their_items_are_finished(
    text_item: Image | None, settled: list[str]
) -> None:
    both = replace(REQUEST, id="both", image_key=upload_key("both", HASH, ImageType.JPEG))
    images = Images({text_item.key: text_item} if text_item else {})
    setup = Setup(images, FakeRequests([both], {"r": replace(OTHER, id="r")}), key=KEY)
    setup.scan()
    assert setup.settled == settled


def test_the_items_of_further_features_are_read_once_for_many_requests() -> None:
    text = scanned(TEXT)
    images = Images({text.key: text})
    waiting = [replace(REQUEST, id=f"r{number}") for number in range(250)]
    setup = Setup(images, FakeRequests(waiting, {"r": replace(OTHER, id="r")}), key=KEY)
    setup.scan()
    assert (len(setup.settled), images.reads) == (250, [(text.key,)])


def test_the_labels_alone_are_not_read_again() -> None:
    @dataclass
    class UnreadableImages(Images):
        def get_many(self, keys: Sequence[str]) -> dict[str, Image]:
            raise AssertionError(f"{keys} were read")

    setup = Setup(UnreadableImages(), FakeRequests([OTHER], {"r": replace(OTHER, id="r")}), key=KEY)
    setup.scan()
    assert setup.settled == ["other"]


def test_a_scan_for_two_features_does_not_answer_an_owner_without_the_image() -> None:
    bobs = replace(REQUEST, id="bob's", owner="bob", awaits_upload=True)
    anns = replace(REQUEST, owner="ann")
    held = Possession("ann", HASH, NOW - 700, "r")
    setup = Setup(Images(possessed={held.key: held}), FakeRequests([bobs, anns], {"r": anns}))
    setup.scan()
    assert setup.settled == ["r"]
