"""A request for several features is answered when each of them is decided, and fails with the first that failed."""

from dataclasses import replace

import pytest

from imagescan.domain.feature import Feature, item_key
from imagescan.domain.image_record import ATTEMPTS_EXHAUSTED, Failure, Image, Origin, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.match import Finding
from imagescan.domain.policy import DAY_SECONDS, GRACE_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import (
    NEVER_UPLOADED,
    TIMED_OUT,
    ReusedBy,
    ScanRequest,
    answer_reused_by,
    deferred_until,
    derive_answer,
    effective_deadline,
    with_answer,
)
from imagescan.domain.text import TextLine
from testing.fakes import by_feature

LABELS, MODERATION, TEXT = Feature
QUESTION = Question(("cat",), 90, others=((MODERATION, ()), (TEXT, ("sale",))))
REQUEST = ScanRequest("r", "h", "uploads/r/h.png", QUESTION, created_at=1000, deadline=4600)
LATE = REQUEST.deadline + GRACE_SECONDS + 1
MIDNIGHT = float(DAY_SECONDS)
CORRUPT = Failure("image_invalid", "The image is corrupt.")
FINDINGS: dict[Feature, tuple[Finding, ...]] = {LABELS: (Label("Cat", 97.0),), TEXT: (TextLine("SALE", 99.0, ()),)}


def scan(feature: Feature, at: float = 1010, scanned_for: str = "r") -> Scan:
    return Scan(Status.COMPLETED, at, FINDINGS.get(feature, ()), "3.0", scanned_for=scanned_for, feature=feature)


def scanned(feature: Feature, at: float = 1010, scanned_for: str = "r", origin: Origin | None = None) -> Image:
    return Image(item_key("h", feature), scan=replace(scan(feature, at, scanned_for), origin=origin))


def rejected(feature: Feature, at: float = 1010) -> Image:
    return Image(item_key("h", feature), scan=Scan(Status.FAILED, at, failure=CORRUPT, feature=feature))


def exhausted(feature: Feature, at: float = 1010) -> Image:
    return Image(item_key("h", feature), exhausted_at=(at,), is_exhausted=True)


def deferred(feature: Feature, *at: float) -> Image:
    return Image(item_key("h", feature), deferred_at=at)


ALL_SCANNED = [scanned(LABELS, 1010), scanned(MODERATION, 1030), scanned(TEXT, 1020)]


@pytest.mark.parametrize("missing", ALL_SCANNED, ids=lambda item: item.feature)
def test_a_request_waits_for_each_of_its_features(missing: Image) -> None:
    others = [item for item in ALL_SCANNED if item != missing]
    assert derive_answer(REQUEST, by_feature(*others), 1040) is None
    assert derive_answer(REQUEST, by_feature(*others, Image(missing.key, attempts=1, lease_until=1100)), 1040) is None


def test_an_answer_combines_the_scans_of_all_features_when_the_last_one_is_finished() -> None:
    answer = derive_answer(REQUEST, by_feature(*reversed(ALL_SCANNED)), 1040)
    assert answer
    assert (answer.status, answer.completed_at, answer.scanned_at) == (Status.COMPLETED, 1030, 1030)
    assert answer.scans == (scan(LABELS, 1010), scan(MODERATION, 1030), scan(TEXT, 1020))
    assert [answer.scan(feature) for feature in Feature] == list(answer.scans)
    assert answer.verdict
    assert [(each.feature, each.matched) for each in answer.verdict.results] == [(LABELS, True), (TEXT, True)]


def test_a_scan_for_another_feature_does_not_answer_a_request_for_labels() -> None:
    for_labels = replace(REQUEST, question=Question(("cat",), 90))
    assert derive_answer(for_labels, by_feature(scanned(TEXT)), 1040) is None
    answer = derive_answer(for_labels, by_feature(scanned(LABELS), rejected(TEXT)), 1040)
    assert answer
    assert (answer.status, answer.scans) == (Status.COMPLETED, (scan(LABELS),))


@pytest.mark.parametrize(
    ("items", "failed"),
    [
        ([rejected(LABELS), scanned(MODERATION), scanned(TEXT)], LABELS),
        ([scanned(LABELS), rejected(MODERATION), scanned(TEXT)], MODERATION),
        ([scanned(LABELS), scanned(MODERATION), rejected(TEXT)], TEXT),
        ([scanned(LABELS), rejected(MODERATION, 1030), rejected(TEXT, 1010)], MODERATION),
        ([rejected(LABELS, 1030), rejected(MODERATION, 1020), rejected(TEXT, 1010)], LABELS),
    ],
)
def test_a_request_fails_with_the_first_failing_feature_in_their_order_and_names_it(
    items: list[Image], failed: Feature
) -> None:
    answer = derive_answer(REQUEST, by_feature(*items), 1040)
    assert answer
    assert (answer.status, answer.verdict) == (Status.FAILED, None)
    assert answer.failure == Failure(CORRUPT.code, f"Feature '{failed}': {CORRUPT.message}", failed)
    assert answer.completed_at == max(item.scan.finished_at for item in items if item.scan)


@pytest.mark.parametrize("failed", [rejected(LABELS), exhausted(MODERATION), rejected(TEXT)], ids=["labels", "m", "t"])
def test_a_failure_is_not_returned_before_the_other_features_are_decided(failed: Image) -> None:
    others = [item for item in ALL_SCANNED if item.feature != failed.feature]
    for pending in others:
        [decided] = [item for item in others if item != pending]
        assert derive_answer(REQUEST, by_feature(failed, decided), 1040) is None
    answer = derive_answer(REQUEST, by_feature(failed, *others), 1040)
    assert answer
    assert answer.failure
    assert answer.failure.feature == failed.feature


def test_a_failed_request_keeps_what_was_found_for_its_other_features() -> None:
    answer = derive_answer(REQUEST, by_feature(scanned(LABELS), exhausted(MODERATION), scanned(TEXT)), 1040)
    assert answer
    assert (answer.failure and answer.failure.code, answer.scans) == (
        ATTEMPTS_EXHAUSTED.code,
        (scan(LABELS), scan(TEXT)),
    )


def test_a_request_for_labels_only_fails_without_the_name_of_the_feature() -> None:
    answer = derive_answer(replace(REQUEST, question=Question(("cat",), 90)), by_feature(rejected(LABELS)), 1040)
    assert answer
    assert answer.failure == CORRUPT


@pytest.mark.parametrize(
    ("items", "failure"),
    [
        ([], NEVER_UPLOADED),
        ([Image("h", first_leased_at=4601), Image("h#text", first_leased_at=4602)], NEVER_UPLOADED),
        ([Image("h#text", first_leased_at=4600)], TIMED_OUT),
        ([Image("h", first_leased_at=1001)], TIMED_OUT),
        ([replace(scanned(TEXT), first_leased_at=1001)], TIMED_OUT),
        ([replace(scanned(TEXT), first_leased_at=999)], NEVER_UPLOADED),  # of earlier bytes
        ([Image("h", first_leased_at=999)], TIMED_OUT),
    ],
)
def test_the_item_of_any_feature_proves_that_the_bytes_arrived(items: list[Image], failure: Failure) -> None:
    answer = derive_answer(replace(REQUEST, awaits_upload=True), by_feature(*items), LATE)
    assert answer
    assert answer.failure == Failure(failure.code, f"Feature 'labels': {failure.message}", LABELS)


# ---------------------------------------------------------------- deadlines and deferrals


def test_a_deferral_moves_the_deadline_of_its_feature_only() -> None:
    finished_next_day = [scanned(LABELS, MIDNIGHT + 60), scanned(MODERATION), scanned(TEXT, MIDNIGHT + 60)]
    text_deferred = [replace(item, deferred_at=(1010,)) if item.feature is TEXT else item for item in finished_next_day]
    all_deferred = [replace(item, deferred_at=(1010,)) for item in finished_next_day]
    failed = derive_answer(REQUEST, by_feature(*text_deferred), MIDNIGHT + 61)
    assert failed
    assert failed.failure
    assert (failed.failure.code, failed.failure.feature) == (TIMED_OUT.code, LABELS)
    completed = derive_answer(REQUEST, by_feature(*all_deferred), MIDNIGHT + 61)
    assert completed
    assert (completed.status, completed.completed_at) == (Status.COMPLETED, MIDNIGHT + 60)


def test_a_request_waits_for_a_deferred_feature_although_another_one_has_timed_out() -> None:
    items = by_feature(scanned(LABELS), deferred(TEXT, 1010))
    assert derive_answer(REQUEST, items, LATE) is None
    answer = derive_answer(REQUEST, items | by_feature(scanned(TEXT, MIDNIGHT + 60)), MIDNIGHT + 61)
    assert answer
    assert answer.failure
    assert (answer.failure.code, answer.failure.feature) == (TIMED_OUT.code, MODERATION)


def test_the_deadline_of_a_request_is_the_latest_of_its_features() -> None:
    items = by_feature(scanned(LABELS), deferred(MODERATION, 1010), deferred(TEXT, 1010, MIDNIGHT + 10))
    assert effective_deadline(REQUEST, items) == 2 * MIDNIGHT + 3600
    settled = with_answer(REQUEST, items, 2 * MIDNIGHT + 3600 + GRACE_SECONDS + 1)
    assert settled
    assert settled.deadline == 2 * MIDNIGHT + 3600


@pytest.mark.parametrize(
    ("items", "until"),
    [
        ([], None),
        ([scanned(LABELS), deferred(TEXT, 1010)], MIDNIGHT),
        ([deferred(MODERATION, 1010), deferred(TEXT, 1010, MIDNIGHT + 1)], 2 * MIDNIGHT),
        ([deferred(LABELS, 10 - DAY_SECONDS), scanned(TEXT)], None),
        ([replace(scanned(TEXT), deferred_at=(1010,))], None),
    ],
)
def test_a_request_is_deferred_to_the_latest_day_of_the_features_that_are_not_scanned(
    items: list[Image], until: float | None
) -> None:
    assert deferred_until(REQUEST, by_feature(*items), 2000) == until


# ---------------------------------------------------------------- reuse


@pytest.mark.parametrize(
    ("scanned_for", "copied", "reused_by"),
    [
        (("r", "r"), (), None),
        (("r", "other"), (), None),
        (("r", "other"), (TEXT,), None),
        (("other", "others"), (), "bytes"),
        (("r", "r"), (LABELS, TEXT), "content"),
        (("r", "other"), (LABELS,), "content"),
    ],
)
def test_an_answer_is_reused_if_no_scan_was_made_for_the_request(
    scanned_for: tuple[str, str], copied: tuple[Feature, ...], reused_by: ReusedBy | None
) -> None:
    request = replace(REQUEST, question=Question(("cat",), 90, others=((TEXT, ()),)))
    items = by_feature(
        *(
            scanned(each, scanned_for=made_for, origin=Origin(5.0) if each in copied else None)
            for each, made_for in zip((LABELS, TEXT), scanned_for, strict=True)
        )
    )
    answer = derive_answer(request, items, 1040)
    assert answer
    assert answer_reused_by(request, answer) == reused_by
