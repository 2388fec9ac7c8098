"""Possession: an owner sees an image only after its bytes were received from them."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from imagescan.domain.detection import Detection
from imagescan.domain.feature import Feature
from imagescan.domain.image import DeclaredImage, StoredObject, upload_key, validate_image
from imagescan.domain.image_header import ImageType
from imagescan.domain.image_record import Image, Origin, Possession, PossessionKey, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.policy import DAY_SECONDS, GRACE_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import (
    NEVER_UPLOADED,
    ScanRequest,
    effective_deadline,
    scan_reused_by,
    visible_items,
    with_answer,
)
from imagescan.use_cases.get_request import get_request
from imagescan.use_cases.scan_image import Outcome, OutcomeKind, Scanner
from imagescan.use_cases.submit_request import SubmitResult, submit_request
from imagescan.use_cases.sweep import REQUEUE_AFTER_SECONDS, Sweep
from testing.fakes import HASH, KEY, FakeBucket, FakeDetector, FakeImages, FakePosition, FakeRequests, by_feature
from testing.images import png

NOW = 10_000.0
ANNS_SCAN = Scan(Status.COMPLETED, NOW - 500, (Label("Cat", 97),), "3.0", scanned_for="ann's", owner="ann")
ANNS_IMAGE = Image(HASH, first_leased_at=NOW - 510, scan=ANNS_SCAN, expires_at=NOW + 3 * DAY_SECONDS)
BOB = PossessionKey("bob", HASH)
UPLOAD = upload_key("r", HASH, ImageType.JPEG)
ANNS_ITEMS = by_feature(ANNS_IMAGE)
BY_HASH = ScanRequest("r", HASH, UPLOAD, Question(("cat",), 90), NOW - 700, NOW + 2900, awaits_upload=True, owner="bob")


def possessed(since: float, granted_for: str = "r") -> dict[PossessionKey, Possession]:
    return {BOB: Possession(*BOB, since=since, granted_for=granted_for, expires_at=NOW + 3 * DAY_SECONDS)}


# ---------------------------------------------------------------- what an owner sees


def seen_by_bob(item: Image, since: float) -> Image:
    """Return the item as Bob sees it, who has the image since then."""
    seen = visible_items(BY_HASH, by_feature(item), possessed(since)[BOB])
    assert seen
    return seen[Feature.LABELS]


def test_without_authentication_every_image_is_visible() -> None:
    assert visible_items(replace(BY_HASH, owner=None), ANNS_ITEMS, None) == ANNS_ITEMS


@pytest.mark.parametrize("since", [None, BY_HASH.deadline + 1])
def test_an_image_is_invisible_until_its_bytes_were_received_by_the_deadline(since: float | None) -> None:
    possession = None if since is None else Possession(*BOB, since=since, granted_for="r")
    assert visible_items(BY_HASH, ANNS_ITEMS, possession) is None


def test_a_scan_for_another_owner_appears_as_the_scan_of_the_own_bytes() -> None:
    seen = seen_by_bob(ANNS_IMAGE, NOW)
    assert (seen.first_leased_at, seen.scan) == (
        NOW,
        replace(ANNS_SCAN, finished_at=NOW, scanned_for="r", owner=None),
    )
    answered = with_answer(BY_HASH, by_feature(seen), NOW)
    assert answered
    assert answered.answer
    assert (answered.answer.status, answered.answer.completed_at) == (Status.COMPLETED, NOW)
    assert scan_reused_by(answered, seen.scan or ANNS_SCAN) is None


@pytest.mark.parametrize(
    ("copied_for", "scanned_for", "seen_origin"),
    [("bob", "bob", True), ("bob", "ann", False), ("ann", "bob", False), ("ann", "ann", False)],
)
def test_a_copied_scan_appears_as_a_copy_only_if_both_files_are_those_of_the_owner(
    copied_for: str, scanned_for: str, seen_origin: bool
) -> None:
    origin = Origin(NOW - 100, is_own=copied_for == scanned_for)
    scan = replace(ANNS_SCAN, finished_at=NOW - 1, scanned_for="copy", owner=copied_for, origin=origin)
    seen = seen_by_bob(Image(HASH, first_leased_at=NOW - 9, scan=scan), NOW - 10)
    assert seen.scan
    assert seen.scan.origin == (Origin(NOW - 100) if seen_origin else None)
    assert seen.scan.scanned_at == (NOW - 100 if seen_origin else NOW - 1)


def test_a_scan_for_the_same_owner_keeps_its_time_and_its_request() -> None:
    scan = replace(ANNS_SCAN, finished_at=NOW - 1, scanned_for="bob's", owner="bob")
    seen = seen_by_bob(Image(HASH, first_leased_at=NOW - 9, scan=scan), NOW - 10)
    assert (seen.first_leased_at, seen.scan) == (NOW - 10, replace(scan, owner=None))


@pytest.mark.parametrize("possession", [None, Possession(*BOB, since=NOW, granted_for="later")])
def test_a_stored_request_with_posted_bytes_is_possession(possession: Possession | None) -> None:
    posted = replace(BY_HASH, awaits_upload=False)
    seen = visible_items(posted, ANNS_ITEMS, possession)
    assert seen
    assert seen[Feature.LABELS].scan == replace(ANNS_SCAN, scanned_for="r", owner=None)


def test_a_deferral_does_not_move_the_deadline_of_an_owner_without_the_image() -> None:
    deferred = by_feature(Image(HASH, deferred_at=(NOW,)))
    assert effective_deadline(BY_HASH, visible_items(BY_HASH, deferred, None)) == BY_HASH.deadline
    assert effective_deadline(BY_HASH, visible_items(BY_HASH, deferred, possessed(NOW)[BOB])) > BY_HASH.deadline


def test_attempts_that_were_exhausted_before_the_upload_do_not_fail_the_request() -> None:
    exhausted = Image(HASH, exhausted_at=(NOW - 650, NOW + 5), requeued_at=NOW - 600)
    seen = seen_by_bob(exhausted, NOW)
    assert (seen.exhausted_at, seen.requeued_at) == ((NOW + 5,), None)


# ---------------------------------------------------------------- submit and status


def submit(images: FakeImages, *, posted: bool = False) -> tuple[SubmitResult, FakeBucket]:
    content = validate_image(png(), ImageType.PNG)
    bucket = FakeBucket()
    image = content if posted else DeclaredImage(HASH, 1, ImageType.JPEG)
    request = replace(BY_HASH, image_hash=image.hash, awaits_upload=not posted, created_at=NOW, deadline=NOW + 3600)
    result = submit_request(
        request, image, images=images, requests=FakeRequests(), bucket=bucket, now=NOW, retention_seconds=DAY_SECONDS
    )
    return result, bucket


def test_a_hash_alone_returns_nothing_about_an_image_of_another_owner_and_does_not_keep_it() -> None:
    images = FakeImages({HASH: replace(ANNS_IMAGE, expires_at=NOW + 1)})
    result, _ = submit(images)
    assert (result.request.answer, result.items, images.steps) == (None, None, [])
    assert result.upload


def test_a_hash_is_sufficient_for_an_image_that_was_received_from_the_owner() -> None:
    result, bucket = submit(FakeImages({HASH: ANNS_IMAGE}, possessed=possessed(NOW - 100)))
    assert result.request.answer
    assert (result.upload, bucket.uploads) == (None, [])


def test_posted_bytes_of_a_known_image_give_possession_and_an_answer_without_being_stored() -> None:
    content = validate_image(png(), ImageType.PNG)
    images = FakeImages({content.hash: replace(ANNS_IMAGE, key=content.hash)})
    result, bucket = submit(images, posted=True)
    assert result.request.answer
    assert (bucket.uploads, images.steps) == ([], [f"grant bob at {NOW:g}"])
    assert result.request.answer.completed_at == NOW


def test_posted_bytes_of_a_new_image_are_stored_before_possession() -> None:
    images = FakeImages()
    result, bucket = submit(images, posted=True)
    assert (result.request.answer, len(bucket.uploads), images.steps) == (None, 1, [f"grant bob at {NOW:g}"])


def test_possession_is_granted_once() -> None:
    images = FakeImages(possessed={PossessionKey("bob", validate_image(png(), ImageType.PNG).hash): possessed(1)[BOB]})
    submit(images, posted=True)
    assert images.steps == []


@pytest.mark.parametrize("with_image", [True, False])
def test_the_status_shows_nothing_of_an_image_of_another_owner(with_image: bool) -> None:
    requests, images = FakeRequests(stored={"r": BY_HASH}), FakeImages({HASH: ANNS_IMAGE})
    state = get_request("r", images=images, requests=requests, now=NOW, caller="bob", with_image=with_image)
    assert (state.request, state.items) == (BY_HASH, None)


def test_a_request_whose_upload_never_arrived_says_so_although_the_image_is_known() -> None:
    requests, images = FakeRequests(stored={"r": BY_HASH}), FakeImages({HASH: ANNS_IMAGE})
    late = BY_HASH.deadline + GRACE_SECONDS + 1
    answer = get_request("r", images=images, requests=requests, now=late, caller="bob").request.answer
    assert answer
    assert answer.failure == NEVER_UPLOADED


# ---------------------------------------------------------------- scanner


def scan(
    images: FakeImages, requests: FakeRequests, key: str = UPLOAD, stored: StoredObject | None = None
) -> tuple[Outcome, FakeDetector]:
    detector = FakeDetector(Detection((), "3.0"))
    bucket = FakeBucket(stored or StoredObject(key, "v1", HASH, "r", NOW - 100))
    detectors = {Feature.LABELS: detector}
    [outcome] = Scanner(images, requests, bucket, detectors, lambda: NOW, lambda: 60).scan(key, "delivery")
    return outcome, detector


def test_an_upload_gives_possession_before_the_image_is_leased() -> None:
    images = FakeImages()
    outcome, detector = scan(images, FakeRequests(stored={"r": BY_HASH}))
    assert (outcome.kind, detector.calls) == (OutcomeKind.SCANNED, 1)
    assert images.steps == [f"grant bob at {NOW:g}", "lease", "finish"]
    assert (images.finished[0].scanned_for, images.finished[0].owner) == ("r", "bob")


def test_a_repeated_delivery_of_an_upload_grants_nothing() -> None:
    images = FakeImages(lease_refused_by=ANNS_IMAGE, possessed=possessed(NOW - 50))
    scan(images, FakeRequests(stored={"r": BY_HASH}))
    assert images.steps == ["lease"]


def test_an_upload_of_a_scanned_image_answers_its_owner_without_a_paid_call() -> None:
    requests = FakeRequests(stored={"r": BY_HASH}, pending=[BY_HASH])
    outcome, detector = scan(FakeImages(lease_refused_by=ANNS_IMAGE), requests)
    assert (outcome.kind, outcome.settled, detector.calls) == (OutcomeKind.DUPLICATE, 1, 0)
    assert [each.id for chunk in requests.settled for each in chunk] == ["r"]


@pytest.mark.parametrize("missing", [True, False])
def test_an_upload_that_is_missing_or_differs_neither_gives_possession_nor_takes_the_lease(missing: bool) -> None:
    images = FakeImages()
    bucket = FakeBucket(None if missing else StoredObject(UPLOAD, "v1", "cd" * 32, "r", NOW))
    scanner = Scanner(images, FakeRequests(stored={"r": BY_HASH}), bucket, {}, lambda: NOW, lambda: 60)
    [outcome] = scanner.scan(UPLOAD, "delivery")
    kind = OutcomeKind.OBJECT_MISSING if missing else OutcomeKind.HASH_MISMATCH
    assert (outcome.kind, images.steps) == (kind, [])


def test_a_scan_does_not_answer_an_owner_without_the_image() -> None:
    ann = replace(BY_HASH, id="ann's", owner="ann", awaits_upload=False, image_key=KEY)
    held = Possession("ann", HASH, NOW - 700, "ann's")
    requests = FakeRequests(stored={"ann's": ann}, pending=[ann, BY_HASH])
    images = FakeImages(possessed={held.key: held})
    outcome, _ = scan(images, requests, KEY, StoredObject(KEY, "v1", HASH, "ann's", NOW - 100))
    assert (outcome.kind, outcome.settled) == (OutcomeKind.SCANNED, 1)
    assert [each.id for chunk in requests.settled for each in chunk] == ["ann's"]


def test_nothing_is_paid_for_an_owner_without_the_image() -> None:
    requests = FakeRequests(pending=[BY_HASH], deleted={"ann's"})
    outcome, detector = scan(FakeImages(), requests, KEY, StoredObject(KEY, "v1", HASH, "ann's", NOW - 100))
    assert (outcome.kind, detector.calls) == (OutcomeKind.UNREQUESTED, 0)


# ---------------------------------------------------------------- sweeper


class Queue:
    def __init__(self) -> None:
        self.keys: list[str] = []

    def enqueue_all(self, keys: Sequence[str]) -> list[str]:
        self.keys += keys
        return []


@pytest.mark.parametrize(
    "image",
    [ANNS_IMAGE, Image(HASH, deferred_at=(NOW - 60,)), Image(HASH, exhausted_at=(NOW - 60,), is_exhausted=True)],
)
@pytest.mark.parametrize(("since", "keys"), [(None, [UPLOAD]), (NOW - 100, [])])
def test_an_upload_is_requeued_until_its_owner_has_the_image_whatever_the_image_is(
    image: Image, since: float | None, keys: list[str]
) -> None:
    assert BY_HASH.created_at < NOW - REQUEUE_AFTER_SECONDS
    queue = Queue()
    images = FakeImages({HASH: image}, possessed={} if since is None else possessed(since))
    Sweep(
        images=images,
        requests=FakeRequests([BY_HASH]),
        queue=queue,
        position=FakePosition(),
        clock=lambda: NOW,
        time_left=lambda: 60,
        on_error=lambda item, error: pytest.fail(f"{item}: {error}"),
    ).run()
    assert (queue.keys, images.steps) == (keys, [])
