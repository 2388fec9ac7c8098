"""Submissions of posted bytes whose content was scanned in another file."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from imagescan.domain.content import content_item_key
from imagescan.domain.errors import LimitExceeded
from imagescan.domain.feature import Feature, item_key
from imagescan.domain.image import DeclaredImage, ValidatedImage, object_key, upload_key, validate_image
from imagescan.domain.image_header import ImageType
from imagescan.domain.image_record import Image, Origin, Possession, PossessionKey, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.policy import DAY_SECONDS, ITEM_MARGIN_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import (
    TIMED_OUT,
    DeletedRequest,
    ReusedBy,
    ScanRequest,
    answer_reused_by,
    require_answer,
)
from imagescan.use_cases.submit_request import SubmitResult, submit_request
from testing.fakes import FakeBucket, FakeImages, FakeQuota, FakeRequests
from testing.images import png

LABELS, _, TEXT = Feature
NOW = 100_000.0
IMAGE = validate_image(png(shade=1, pixels=True), ImageType.PNG)
CONTENT, OTHER_HASH = IMAGE.content_hash or "", "ef" * 32
AMBIGUOUS = replace(IMAGE, content_hash=None)
DECLARED = DeclaredImage(IMAGE.hash, IMAGE.size, IMAGE.type)
RETENTION_SECONDS = 30 * DAY_SECONDS
FRESH = NOW + RETENTION_SECONDS + ITEM_MARGIN_SECONDS
FINDINGS = (Label("Cat", 97),)
SCAN = Scan(
    Status.COMPLETED,
    NOW - 50,
    FINDINGS,
    "3.0",
    scanned_for="earlier",
    owner="bob",
    content_hash=CONTENT,
    scanned_hash=OTHER_HASH,
)
COPY = replace(
    SCAN, finished_at=NOW, scanned_for="r", owner=None, origin=Origin(NOW - 50, is_own=False), scanned_hash=None
)
FOR_LABELS = Question(("cat",), 90)
FOR_TWO = Question(("cat",), 90, others=((TEXT, ("sale",)),))


def content(feature: Feature = LABELS, **changes: Any) -> Image:
    """Return the item of a scanned content, which was renewed today."""
    scan = replace(SCAN, feature=feature, findings=FINDINGS if feature == LABELS else ())
    return replace(Image(content_item_key(CONTENT, feature), scan=scan, expires_at=FRESH), **changes)


@dataclass
class Images(FakeImages):
    """A table that adds its writes to ``log``. ``in_force`` is the scan that another delivery stored first."""

    log: list[str] = field(default_factory=list)
    in_force: Scan | None = None

    def grant(self, possession: Possession) -> None:
        super().grant(possession)
        self.log.append("grant")

    def finish(self, key: str, scan: Scan, refund: str | None = None) -> Image:
        finished = super().finish(key, scan, refund)
        self.log.append(f"finish {key}")
        return replace(finished, scan=self.in_force) if self.in_force else finished


@dataclass
class Requests(FakeRequests):
    """A table that adds its writes to ``log``."""

    log: list[str] = field(default_factory=list)

    def put(self, request: ScanRequest) -> ScanRequest | DeletedRequest:
        stored = super().put(request)
        self.log.append(f"put {request.id}")
        return stored


class CallerQuota(FakeQuota):
    """The submissions that the caller may still make today."""

    limit = 0


@dataclass
class Setup:
    """The collaborators of a submission. ``log`` records the writes of both tables in order."""

    items: tuple[Image, ...] = field(default_factory=lambda: (content(),))
    in_force: Scan | None = None
    quota: CallerQuota | None = None
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.images = Images({item.key: item for item in self.items}, log=self.log, in_force=self.in_force)
        self.requests = Requests(log=self.log)
        self.bucket = FakeBucket()

    def submit(self, image: ValidatedImage | DeclaredImage = IMAGE, **changes: Any) -> SubmitResult:
        is_declared = isinstance(image, DeclaredImage)
        key = upload_key("r", image.hash, image.type) if is_declared else object_key(image.hash, image.type)
        request = ScanRequest("r", image.hash, key, FOR_LABELS, NOW, NOW + 3600, awaits_upload=is_declared)
        return submit_request(
            replace(request, **changes),
            image,
            images=self.images,
            requests=self.requests,
            bucket=self.bucket,
            now=NOW,
            retention_seconds=RETENTION_SECONDS,
            quota=self.quota,
        )


def reused_by(request: ScanRequest) -> ReusedBy | None:
    return answer_reused_by(request, require_answer(request))


# ---------------------------------------------------------------- known content


def test_a_request_is_answered_from_the_scan_of_its_content_and_stores_no_bytes() -> None:
    setup = Setup()
    result = setup.submit()
    assert require_answer(result.request).scans == (COPY,)
    assert reused_by(result.request) == "content"
    assert setup.requests.stored == {"r": result.request}
    assert (setup.bucket.uploads, result.upload) == ([], None)
    assert setup.images.reads == [(IMAGE.hash, content_item_key(CONTENT, LABELS))]


def test_the_image_gets_its_copy_before_the_request_is_stored() -> None:
    setup = Setup()
    setup.submit()
    assert setup.log == [f"finish {IMAGE.hash}", "put r"]
    assert setup.images.finished == [COPY]


def test_all_features_of_a_request_are_copied() -> None:
    setup = Setup((content(), content(TEXT)))
    request = setup.submit(question=FOR_TWO).request
    assert [scan.feature for scan in require_answer(request).scans] == [LABELS, TEXT]
    assert setup.log == [f"finish {IMAGE.hash}", f"finish {item_key(IMAGE.hash, TEXT)}", "put r"]


def test_only_the_features_that_the_file_lacks_are_copied() -> None:
    own = Image(IMAGE.hash, scan=replace(SCAN, scanned_for="own", scanned_hash=None), expires_at=FRESH)
    setup = Setup((own, content(), content(TEXT)))
    request = setup.submit(question=FOR_TWO).request
    assert [scan.scanned_for for scan in require_answer(request).scans] == ["own", "r"]
    assert setup.log == [f"finish {item_key(IMAGE.hash, TEXT)}", "put r"]


@pytest.mark.parametrize("missing", [LABELS, TEXT])
def test_nothing_is_copied_if_a_feature_still_has_to_be_scanned(missing: Feature) -> None:
    setup = Setup(tuple(content(feature) for feature in (LABELS, TEXT) if feature != missing))
    result = setup.submit(question=FOR_TWO)
    assert result.request.answer is None
    assert (setup.bucket.uploads, setup.log) == ([f"{IMAGE.key} for r"], ["put r"])


def test_a_scan_of_the_bytes_is_preferred() -> None:
    own = Image(IMAGE.hash, scan=replace(SCAN, scanned_for="own", scanned_hash=None), expires_at=FRESH)
    setup = Setup((own, content()))
    assert reused_by(setup.submit().request) == "bytes"
    assert setup.log == ["put r"]


@pytest.mark.parametrize(
    "item",
    [
        content(scan=None, attempts=1, lease_until=NOW + 60),
        content(scan=None, attempts=5, is_exhausted=True, exhausted_at=(NOW - 1,)),
        content(expires_at=NOW),
    ],
    ids=["leased", "exhausted", "expired"],
)
def test_a_content_without_a_scan_is_left_to_the_scanner(item: Image) -> None:
    setup = Setup((item,))
    assert setup.submit().request.answer is None
    assert (setup.bucket.uploads, setup.log) == ([f"{IMAGE.key} for r"], ["put r"])


@pytest.mark.parametrize(("image", "keys"), [(AMBIGUOUS, 1), (DECLARED, len(Feature))])
def test_only_posted_bytes_with_a_canonical_form_have_a_known_content(
    image: ValidatedImage | DeclaredImage, keys: int
) -> None:
    setup = Setup()
    result = setup.submit(image)
    assert result.request.answer is None
    assert bool(result.upload) == isinstance(image, DeclaredImage)
    [read] = setup.images.reads
    assert len(read) == keys
    assert all(key.startswith(IMAGE.hash) for key in read)


# ---------------------------------------------------------------- expiry


def test_an_expired_content_is_removed() -> None:
    setup = Setup((content(expires_at=NOW),))
    setup.submit()
    assert setup.images.steps == ["remove content"]


@pytest.mark.parametrize(("age", "renewals"), [(0, []), (DAY_SECONDS, []), (DAY_SECONDS + 1, ["renew content"])])
def test_a_content_that_is_copied_is_renewed_once_a_day(age: float, renewals: list[str]) -> None:
    setup = Setup((content(expires_at=FRESH - age),))
    setup.submit()
    assert setup.images.steps == [*renewals, "finish"]


def test_a_content_that_is_not_copied_is_not_renewed() -> None:
    setup = Setup((content(expires_at=NOW + 1),))
    setup.submit(question=FOR_TWO)
    assert setup.images.steps == []


def test_a_content_that_is_deleted_during_the_submission_is_copied() -> None:
    setup = Setup((content(expires_at=NOW + 1),))
    setup.images.is_renewable = False
    assert reused_by(setup.submit().request) == "content"
    assert setup.images.finished == [COPY]


# ---------------------------------------------------------------- repetition and races


def test_a_repetition_after_the_request_was_stored_returns_its_answer() -> None:
    setup = Setup()
    first = setup.submit(payload_hash="p")
    setup.log.clear()
    again = setup.submit(payload_hash="p", created_at=NOW + 9)
    assert again.request == first.request
    assert "put r" not in setup.log


def test_a_repetition_of_a_pending_request_is_answered_when_its_content_was_scanned() -> None:
    setup = Setup(())
    pending = setup.submit(payload_hash="p").request
    assert pending.answer is None
    setup.images.items = {content().key: content()}
    setup.log.clear()
    answered = setup.submit(payload_hash="p").request
    assert replace(answered, answer=None) == pending
    assert reused_by(answered) == "content"
    assert setup.log == [f"finish {IMAGE.hash}"]
    assert setup.requests.stored == {"r": pending}  # settled by the sweeper
    assert setup.bucket.uploads == [f"{IMAGE.key} for r"]


def test_a_copy_after_the_deadline_of_a_repeated_request_does_not_complete_it() -> None:
    setup = Setup(())
    setup.submit(payload_hash="p", created_at=NOW - 70, deadline=NOW - 1)
    setup.images.items = {content().key: content()}
    answer = require_answer(setup.submit(payload_hash="p").request)
    assert (answer.failure, answer.scans) == (TIMED_OUT, ())


def test_the_result_that_another_delivery_stored_first_is_in_force() -> None:
    in_force = replace(SCAN, finished_at=NOW - 1, findings=(Label("Dog", 99),), scanned_for="other", scanned_hash=None)
    setup = Setup(in_force=in_force)
    result = setup.submit()
    assert require_answer(result.request).scans == (in_force,)
    assert setup.requests.stored == {"r": result.request}
    assert result.items
    assert result.items[LABELS].scan == in_force


def test_the_result_in_force_answers_a_repeated_request_that_is_pending() -> None:
    setup = Setup(())
    setup.submit(payload_hash="p")
    in_force = replace(SCAN, finished_at=NOW - 1, findings=(Label("Dog", 99),), scanned_for="r", scanned_hash=None)
    setup.images.items, setup.images.in_force = {content().key: content()}, in_force
    assert require_answer(setup.submit(payload_hash="p").request).scans == (in_force,)


# ---------------------------------------------------------------- owners and limits


def test_the_possession_is_granted_before_the_request_is_stored() -> None:
    setup = Setup()
    request = setup.submit(owner="ann").request
    assert setup.log == ["grant", f"finish {IMAGE.hash}", "put r"]
    assert set(setup.images.possessed) == {PossessionKey("ann", IMAGE.hash)}
    [scan] = setup.images.finished
    assert (scan.owner, scan.origin) == ("ann", Origin(NOW - 50, is_own=False))
    [seen] = require_answer(request).scans
    assert (seen.scanned_for, seen.origin, seen.scanned_at) == ("r", None, NOW)
    assert reused_by(request) is None


def test_an_owner_sees_that_the_scan_of_another_file_of_theirs_was_reused() -> None:
    setup = Setup((content(scan=replace(SCAN, owner="ann")),))
    request = setup.submit(owner="ann").request
    assert reused_by(request) == "content"
    assert require_answer(request).scanned_at == NOW - 50


def test_a_submission_that_is_answered_from_its_content_does_not_count_towards_the_limit() -> None:
    quota = CallerQuota(0)
    assert Setup(quota=quota).submit().request.answer
    assert quota.remaining == 0
    with pytest.raises(LimitExceeded):
        Setup((), quota=quota).submit()
