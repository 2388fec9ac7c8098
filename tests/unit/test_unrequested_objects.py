"""Objects that no request needs: the scanner pays nothing for them, and marks those whose request does not exist."""

from dataclasses import dataclass, field, replace

import pytest

from imagescan.domain.detection import Detection
from imagescan.domain.feature import Feature
from imagescan.domain.image import StoredObject, upload_key
from imagescan.domain.image_header import ImageType
from imagescan.domain.image_record import Image, Scan, Status
from imagescan.domain.policy import REQUEST_STORED_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_message import ScanMessage
from imagescan.domain.scan_request import Answer, ScanRequest
from imagescan.use_cases.scan_batch import MessageResult
from imagescan.use_cases.scan_image import Outcome, OutcomeKind, Scanner
from testing.fakes import HASH, KEY, FakeBucket, FakeDetector, FakeImages, FakeRequests

NOW = 1000.0
LONG_AGO = NOW - REQUEST_STORED_SECONDS
UPLOAD = upload_key("r", HASH, ImageType.JPEG)
WAITING = ScanRequest("r", HASH, KEY, Question(("cat",), 90), created_at=NOW - 1, deadline=NOW + 3600)
FINISHED = replace(WAITING, answer=Answer(Status.COMPLETED, NOW))
SCANNED = Image(HASH, scan=Scan(Status.COMPLETED, NOW - 5))


@dataclass
class Setup:
    """A scanner and an object that was uploaded for the request ``r``."""

    key: str = KEY
    uploaded_at: float = LONG_AGO
    images: FakeImages = field(default_factory=FakeImages)
    requests: FakeRequests = field(default_factory=FakeRequests)
    detector: FakeDetector = field(default_factory=lambda: FakeDetector(Detection((), "3.0")))

    def scan(self) -> Outcome:
        bucket = FakeBucket(StoredObject(self.key, "v1", HASH, "r", self.uploaded_at))
        detectors = {Feature.LABELS: self.detector}
        scanner = Scanner(self.images, self.requests, bucket, detectors, lambda: NOW, lambda: 60)
        [outcome] = scanner.scan(self.key, owner="delivery-1")
        return outcome


def test_the_image_of_a_waiting_request_is_scanned() -> None:
    setup = Setup(requests=FakeRequests(stored={"r": WAITING}))
    assert (setup.scan().kind, setup.detector.calls) == (OutcomeKind.SCANNED, 1)


@pytest.mark.parametrize(
    "requests",
    [
        FakeRequests(pending=[replace(WAITING, id="other")]),
        FakeRequests(pending=[replace(WAITING, id="other")], deleted={"r"}),
        FakeRequests(pending=[replace(WAITING, id="other")], stored={"r": FINISHED}),
    ],
    ids=["unknown", "deleted", "finished"],
)
def test_an_image_is_scanned_if_another_request_waits_for_it(requests: FakeRequests) -> None:
    setup = Setup(requests=requests)
    assert (setup.scan().kind, setup.detector.calls) == (OutcomeKind.SCANNED, 1)


@pytest.mark.parametrize(("key", "marked"), [(KEY, HASH), (UPLOAD, UPLOAD)], ids=["posted bytes", "a direct upload"])
@pytest.mark.parametrize("deleted", [set[str](), {"r"}], ids=["never stored", "deleted"])
def test_an_object_whose_request_does_not_exist_is_marked_and_costs_nothing(
    key: str, marked: str, deleted: set[str]
) -> None:
    setup = Setup(key, requests=FakeRequests(deleted=deleted))
    outcome = setup.scan()
    assert (outcome.kind, outcome.is_done, setup.detector.calls) == (OutcomeKind.UNREQUESTED, True, 0)
    upload_mark = [f"mark {UPLOAD} at {NOW:g}"] if marked == UPLOAD else []
    steps = [*upload_mark, "lease", f"mark {HASH} at {NOW:g}", "release with refund as bytes_missing"]
    assert setup.images.steps == steps


@pytest.mark.parametrize(
    ("stored", "marks"),
    [(FINISHED, []), (replace(WAITING, image_hash="cd" * 32), [f"mark {HASH} at {NOW:g}"])],
    ids=["finished", "for another image"],
)
def test_an_object_whose_request_does_not_need_it_costs_nothing(stored: ScanRequest, marks: list[str]) -> None:
    setup = Setup(requests=FakeRequests(stored={"r": stored}))
    assert (setup.scan().kind, setup.detector.calls) == (OutcomeKind.UNREQUESTED, 0)
    assert setup.images.steps == ["lease", *marks, "release with refund as bytes_missing"]


def test_the_upload_of_a_deleted_request_is_marked_although_another_request_waits() -> None:
    requests = FakeRequests(pending=[replace(WAITING, id="other")], deleted={"r"})
    setup = Setup(UPLOAD, requests=requests)
    assert (setup.scan().kind, setup.detector.calls) == (OutcomeKind.SCANNED, 1)
    assert setup.images.steps == [f"mark {UPLOAD} at {NOW:g}", "lease", "finish"]


def test_a_request_that_may_still_be_stored_is_awaited() -> None:
    setup = Setup(uploaded_at=LONG_AGO + 1)
    outcome = setup.scan()
    assert (outcome.kind, outcome.is_done, setup.detector.calls) == (OutcomeKind.REQUEST_MISSING, False, 0)
    assert setup.images.steps == ["lease", "release with refund as bytes_missing"]
    delays = [
        MessageResult(ScanMessage("m", "receipt", receives), (outcome,)).delay_seconds for receives in range(1, 5)
    ]
    assert sum(delays) >= REQUEST_STORED_SECONDS  # the fifth and last delivery decides


@pytest.mark.parametrize(
    ("requests", "steps"),
    [
        (FakeRequests(deleted={"r"}), [f"mark {UPLOAD} at {NOW:g}", "lease"]),
        (FakeRequests(), [f"mark {UPLOAD} at {NOW:g}", "lease"]),
        (FakeRequests(stored={"r": FINISHED}), ["lease"]),
    ],
    ids=["deleted", "unknown", "finished"],
)
def test_a_late_upload_of_a_scanned_image_is_marked_unless_its_request_exists(
    requests: FakeRequests, steps: list[str]
) -> None:
    setup = Setup(UPLOAD, images=FakeImages(lease_refused_by=SCANNED), requests=requests)
    assert (setup.scan().kind, setup.images.steps) == (OutcomeKind.DUPLICATE, steps)
