from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

import pytest

from imagescan.domain.content import content_item_key
from imagescan.domain.feature import Feature, item_key
from imagescan.domain.image import StoredObject, object_key
from imagescan.domain.image_header import ImageType
from imagescan.domain.image_record import Image, Origin, Possession, PossessionKey, PurgeCandidate, Scan, Status
from imagescan.domain.question import Question
from imagescan.domain.scan_request import Answer, DeletedRequest, ScanRequest
from imagescan.use_cases.purge_deleted_images import PURGE_DELAY_SECONDS, PurgeReport, purge_deleted_images

NOW = 100_000.0
DELAY_AGO = NOW - PURGE_DELAY_SECONDS
REQUEST = ScanRequest("r", "h", "images/h.png", Question(("cat",), 90), created_at=DELAY_AGO - 9, deadline=NOW)

ANSWERED = replace(REQUEST, answer=Answer(Status.COMPLETED, DELAY_AGO))


def finished(at: float = DELAY_AGO - 5) -> Image:
    return Image("h", scan=Scan(Status.COMPLETED, at))


@dataclass
class Service:
    """One marked image, and the requests that wait for it. ``steps`` records the writes in order.

    ``others`` are the items of its other features and of its content. ``objects`` can be read.
    """

    image: Image | None = field(default_factory=finished)
    key: str = "h"
    marked_at: float = DELAY_AGO
    covers_until: float = DELAY_AGO
    uploaded_at: float = DELAY_AGO - 10
    stored: dict[str, ScanRequest | DeletedRequest] = field(default_factory=dict)
    pending: list[ScanRequest] = field(default_factory=list)
    is_removable: bool = True
    possessed: dict[PossessionKey, Possession] = field(default_factory=dict)
    scanned_upload: Image | None = None
    others: tuple[Image, ...] = ()
    objects: dict[str, StoredObject] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)


@dataclass
class FakeImages:
    service: Service

    def purge_candidates(self) -> Iterable[PurgeCandidate]:
        return [PurgeCandidate(self.service.key, self.service.marked_at)]

    def get_many(self, keys: Sequence[str]) -> dict[str, Image]:
        service = self.service
        marked = replace(service.image, key=service.key, purge_until=service.covers_until) if service.image else None
        items = [item for item in (marked, service.scanned_upload, *service.others) if item and item.key in keys]
        return {item.key: item for item in items}

    def possessions(self, keys: Sequence[PossessionKey]) -> dict[PossessionKey, Possession]:
        return {key: self.service.possessed[key] for key in keys if key in self.service.possessed}

    def mark_for_purge(self, key: str, now: float) -> None:
        self.service.steps.append(f"mark {key}")

    def remove(self, read: Sequence[Image], now: float) -> bool:
        self.service.steps.append(" and ".join(each.key for each in read) if self.service.others else "item")
        return self.service.is_removable


@dataclass
class FakeRequests:
    service: Service

    def find(self, request_id: str) -> ScanRequest | DeletedRequest | None:
        return self.service.stored.get(request_id)

    def pending_for_image(self, image_hash: str) -> Iterable[ScanRequest]:
        return iter(self.service.pending)


@dataclass
class FakeBucket:
    service: Service

    def remove(self, image_hash: str, until: float, covered_until: float) -> bool:
        self.service.steps.append(f"bytes until {until:.0f}")
        return not until < self.service.uploaded_at <= covered_until

    def find(self, key: str) -> StoredObject | None:
        return self.service.objects.get(key)

    def remove_upload(self, key: str, until: float) -> bool:
        self.service.steps.append(f"upload {key}")
        return True


def purge(service: Service, time_left: float = 60) -> int:
    report = purge_deleted_images(
        images=FakeImages(service),
        requests=FakeRequests(service),
        bucket=FakeBucket(service),
        clock=lambda: NOW,
        time_left=lambda: time_left,
        on_error=lambda image_hash, error: pytest.fail(f"{image_hash}: {error}"),
    )
    return report.images_purged


def test_the_bytes_are_deleted_before_the_item() -> None:
    service = Service()
    assert purge(service) == 1
    assert service.steps == [f"bytes until {DELAY_AGO:.0f}", "item"]


def test_an_image_that_was_never_scanned_is_purged() -> None:
    assert purge(Service(image=Image("h"))) == 1


@pytest.mark.parametrize(
    "service",
    [
        Service(pending=[REQUEST]),
        Service(marked_at=DELAY_AGO + 1),
        Service(image=finished(DELAY_AGO + 1)),
        Service(image=None),
    ],
    ids=["request pending", "marked recently", "finished recently", "no item"],
)
def test_an_image_that_may_still_be_needed_stays_marked(service: Service) -> None:
    assert (purge(service), service.steps) == (0, [])


def test_a_later_deletion_neither_restarts_the_delay_nor_purges_bytes_before_their_own() -> None:
    service = Service(covers_until=NOW - 5)
    assert (purge(service), service.steps) == (1, [f"bytes until {DELAY_AGO:.0f}", "item"])
    posted = Service(covers_until=NOW - 5, uploaded_at=NOW - 10)
    assert (purge(posted), posted.steps) == (0, [f"bytes until {DELAY_AGO:.0f}"])


UPLOADED_HASH = "ab" * 32
UPLOAD = f"uploads/r/{UPLOADED_HASH}.png"


@pytest.mark.parametrize("stored", [{}, {"r": DeletedRequest("r")}, {"r": ANSWERED}])
def test_the_upload_of_a_request_that_is_not_pending_is_purged(stored: dict[str, ScanRequest | DeletedRequest]) -> None:
    service = Service(key=UPLOAD, stored=stored, pending=[REQUEST])  # others do not need it
    assert (purge(service), service.steps) == (1, [f"upload {UPLOAD}", "item"])


def test_the_upload_of_a_pending_request_is_kept_if_its_deletion_was_interrupted() -> None:
    service = Service(key=UPLOAD, stored={"r": REQUEST})
    assert (purge(service), service.steps) == (0, [])


def test_an_item_that_changed_meanwhile_is_not_counted_as_purged() -> None:
    assert purge(Service(is_removable=False)) == 0


def test_purging_stops_when_time_runs_out() -> None:
    service = Service()
    assert (purge(service, time_left=1), service.steps) == (0, [])


def test_an_image_that_cannot_be_purged_is_reported_and_does_not_affect_others(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = [PurgeCandidate(name, DELAY_AGO) for name in ("bad", "good")]
    monkeypatch.setattr(FakeImages, "purge_candidates", lambda _: candidates)
    monkeypatch.setattr(FakeImages, "get_many", lambda _, hashes: {hashes[0]: finished()})
    monkeypatch.setattr(FakeBucket, "remove", lambda _, image_hash, *__: image_hash == "good" or fail())
    service, reported = Service(), list[str]()
    report = purge_deleted_images(
        images=FakeImages(service),
        requests=FakeRequests(service),
        bucket=FakeBucket(service),
        clock=lambda: NOW,
        time_left=lambda: 60,
        on_error=lambda image_hash, _: reported.append(image_hash),
    )
    assert (report, reported) == (PurgeReport(images_purged=1, failed=1, is_complete=True), ["bad"])


def fail() -> NoReturn:
    raise RuntimeError("DeleteObjects failed")


def test_an_image_with_remaining_versions_keeps_its_item(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeBucket, "remove", lambda *_: False)
    service = Service()
    assert (purge(service), service.steps) == (0, [])


def test_a_recently_marked_image_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeImages, "get_many", lambda *_: fail())
    assert purge(Service(marked_at=DELAY_AGO + 1)) == 0


BOBS = replace(REQUEST, owner="bob", awaits_upload=True)
BOB = PossessionKey("bob", "h")


def test_a_request_of_an_owner_without_the_image_does_not_keep_it() -> None:
    assert purge(Service(pending=[BOBS])) == 1


def test_a_request_of_an_owner_with_the_image_keeps_it() -> None:
    service = Service(pending=[BOBS], possessed={BOB: Possession(*BOB, since=0, granted_for="r")})
    assert (purge(service), service.steps) == (0, [])


@pytest.mark.parametrize(("granted_at", "purged"), [(DELAY_AGO, 1), (DELAY_AGO + 1, 0)])
def test_an_image_that_just_got_a_new_owner_is_kept(granted_at: float, purged: int) -> None:
    """The index may not show the request of the new owner yet."""
    assert purge(Service(image=replace(finished(), granted_at=granted_at))) == purged


@pytest.mark.parametrize("feature", Feature)
@pytest.mark.parametrize(("scanned_for", "marks"), [("r", [f"mark {UPLOADED_HASH}"]), ("other", [])])
def test_an_upload_that_was_scanned_during_the_deletion_has_its_image_purged(
    scanned_for: str, marks: list[str], feature: Feature
) -> None:
    scan = Scan(Status.COMPLETED, DELAY_AGO, scanned_for=scanned_for)
    scanned = Image(item_key(UPLOADED_HASH, feature), scan=replace(scan, feature=feature))
    service = Service(key=UPLOAD, scanned_upload=scanned, stored={"r": DeletedRequest("r")})
    assert purge(service) == 1
    assert service.steps == [*marks, f"upload {UPLOAD}", "item"]


# ---------------------------------------------------------------- several features


def text_item(finished_at: float = DELAY_AGO - 5) -> Image:
    return Image("h#text", scan=Scan(Status.COMPLETED, finished_at, feature=Feature.TEXT))


def test_the_items_of_all_features_are_deleted_together_after_the_bytes() -> None:
    service = Service(others=(Image("h#moderation"), text_item()))
    assert purge(service) == 1
    assert service.steps == [f"bytes until {DELAY_AGO:.0f}", "h and h#moderation and h#text"]


@pytest.mark.parametrize(
    "other",
    [text_item(DELAY_AGO + 1), Image("h#text", exhausted_at=(DELAY_AGO + 1,), is_exhausted=True)],
    ids=["finished recently", "exhausted recently"],
)
def test_an_image_whose_other_feature_may_have_answered_a_request_recently_stays_marked(other: Image) -> None:
    service = Service(others=(other,))
    assert (purge(service), service.steps) == (0, [])


def test_a_pending_request_for_another_feature_keeps_the_image() -> None:
    for_text = replace(REQUEST, question=Question((), 90, others=((Feature.TEXT, ("sale",)),)))
    service = Service(pending=[for_text])
    assert (purge(service), service.steps) == (0, [])


# ---------------------------------------------------------------- contents

CONTENT = "cd" * 32
CONTENT_KEY, CONTENT_TEXT_KEY = (content_item_key(CONTENT, feature) for feature in (Feature.LABELS, Feature.TEXT))
SCAN = Scan(Status.COMPLETED, DELAY_AGO - 5, content_hash=CONTENT, scanned_for="r")
SCANNED = Image("h", scan=SCAN)
CONTENT_ITEM = Image(CONTENT_KEY, scan=replace(SCAN, scanned_hash="h"))
CONTENT_TEXT_ITEM = Image(CONTENT_TEXT_KEY, scan=replace(SCAN, scanned_hash="h", feature=Feature.TEXT))
OBJECT_KEY = "images/h.png"
STORED = {OBJECT_KEY: StoredObject(OBJECT_KEY, "v", "h", "r", content_hash=CONTENT)}


def test_the_content_of_an_image_is_deleted_first() -> None:
    service = Service(image=SCANNED, others=(CONTENT_ITEM,))
    assert purge(service) == 1
    assert service.steps == [CONTENT_KEY, f"bytes until {DELAY_AGO:.0f}", "h"]


def test_the_contents_of_all_features_are_deleted_together() -> None:
    text = replace(text_item(), scan=replace(SCAN, feature=Feature.TEXT))
    service = Service(image=SCANNED, others=(text, CONTENT_ITEM, CONTENT_TEXT_ITEM))
    assert purge(service) == 1
    assert service.steps == [f"{CONTENT_KEY} and {CONTENT_TEXT_KEY}", f"bytes until {DELAY_AGO:.0f}", "h and h#text"]


def test_the_content_of_a_copied_image_is_deleted_as_well() -> None:
    copy = Image("h", scan=replace(SCAN, origin=Origin(DELAY_AGO - 50)))
    other = replace(CONTENT_ITEM, scan=replace(SCAN, scanned_for="other", scanned_hash="other"))
    service = Service(image=copy, others=(other,))
    assert purge(service) == 1
    assert service.steps[0] == CONTENT_KEY


@pytest.mark.parametrize(
    "item", [None, Image(CONTENT_KEY, attempts=1, lease_until=NOW + 60)], ids=["purged", "scanned for another file"]
)
def test_only_a_content_with_findings_is_deleted(item: Image | None) -> None:
    service = Service(image=SCANNED, others=(item,) if item else ())
    assert purge(service) == 1
    assert CONTENT_KEY not in service.steps


def test_the_content_of_an_image_that_a_request_needs_is_kept() -> None:
    service = Service(image=SCANNED, others=(CONTENT_ITEM,), pending=[REQUEST])
    assert (purge(service), service.steps) == (0, [])


def test_nothing_else_is_deleted_if_the_content_cannot_be_deleted_now() -> None:
    service = Service(image=SCANNED, others=(CONTENT_ITEM,), is_removable=False)
    assert (purge(service), service.steps) == (0, [CONTENT_KEY])


@pytest.mark.parametrize("image_type", ImageType)
def test_the_content_of_an_interrupted_scan_is_found_from_the_bytes(image_type: ImageType) -> None:
    key = object_key("h", image_type)
    stored = {key: StoredObject(key, "v", "h", "r", content_hash=CONTENT)}
    service = Service(image=Image("h", attempts=1), others=(CONTENT_ITEM,), objects=stored)
    assert purge(service) == 1
    assert service.steps == [CONTENT_KEY, f"bytes until {DELAY_AGO:.0f}", "h"]


def test_bytes_without_a_canonical_form_have_no_content() -> None:
    stored = {OBJECT_KEY: replace(STORED[OBJECT_KEY], content_hash=None)}
    service = Service(image=Image("h"), others=(CONTENT_ITEM,), objects=stored)
    assert purge(service) == 1
    assert CONTENT_KEY not in service.steps


def test_the_bytes_of_a_scanned_image_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeBucket, "find", lambda *_: fail())
    assert purge(Service(image=SCANNED, others=(CONTENT_ITEM,))) == 1


def of_upload(scan: Scan | None) -> Service:
    """Return the service with a marked upload of the deleted request ``r``, and the scan of its content."""
    content = Image(CONTENT_KEY, scan=scan)
    scanned = Image(UPLOADED_HASH, scan=replace(SCAN, scanned_for="other"))
    stored = {"r": DeletedRequest("r")}
    return Service(image=Image(UPLOAD), key=UPLOAD, stored=dict(stored), scanned_upload=scanned, others=(content,))


def test_the_content_that_was_scanned_in_an_upload_is_deleted_first() -> None:
    service = of_upload(SCAN)
    assert purge(service) == 1
    assert service.steps == [CONTENT_KEY, f"upload {UPLOAD}", UPLOAD]


@pytest.mark.parametrize("scan", [replace(SCAN, scanned_for="other"), None], ids=["another request", "no scan"])
def test_a_content_that_was_scanned_for_another_request_is_kept_with_its_upload(scan: Scan | None) -> None:
    service = of_upload(scan)
    assert purge(service) == 1
    assert service.steps == [f"upload {UPLOAD}", UPLOAD]


def test_the_content_of_an_interrupted_scan_is_found_in_the_upload() -> None:
    service = of_upload(SCAN)
    service.scanned_upload = None
    service.objects = {UPLOAD: StoredObject(UPLOAD, "v", UPLOADED_HASH, "r", content_hash=CONTENT)}
    assert purge(service) == 1
    assert service.steps == [CONTENT_KEY, f"upload {UPLOAD}", UPLOAD]


def test_an_upload_is_kept_if_its_content_cannot_be_deleted_now() -> None:
    service = of_upload(SCAN)
    service.is_removable = False
    assert (purge(service), service.steps) == (0, [CONTENT_KEY])
