from dataclasses import replace

import pytest

from imagescan.domain.image_record import Failure, Image, Origin, Scan, Status, next_day
from imagescan.domain.labels import Label
from imagescan.domain.policy import DAY_SECONDS, GRACE_SECONDS, LEASE_SECONDS, SCANNER_TIMEOUT_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import (
    TIMED_OUT,
    ScanRequest,
    derive_answer,
    effective_deadline,
    scan_reused_by,
    with_answer,
)
from testing.fakes import by_feature

REQUEST = ScanRequest("r", "h", "images/h.png", Question(("cat",), 90), created_at=1000, deadline=4600)
SCAN = Scan(Status.COMPLETED, 1010, (Label("Cat", 97),), "3.0", scanned_for="r")
REJECTED = Scan(Status.FAILED, 1010, failure=Failure("image_invalid", "The image is corrupt."))


def image(scan: Scan | None) -> Image:
    return Image("h", scan=scan)


@pytest.mark.parametrize("item", [None, image(None), Image("h", attempts=1, lease_until=1100)])
@pytest.mark.parametrize("now", [1000, 4600, 4600 + GRACE_SECONDS])
def test_a_request_is_pending_until_its_image_is_terminal(item: Image | None, now: float) -> None:
    assert derive_answer(REQUEST, by_feature(item), now) is None


def test_the_answer_to_a_scanned_image_is_the_verdict_on_its_labels() -> None:
    answer = derive_answer(REQUEST, by_feature(image(SCAN)), 1011)
    assert answer
    assert answer.status is Status.COMPLETED
    assert answer.verdict
    assert answer.verdict.matched


def test_a_rejected_image_fails_the_request_and_has_no_verdict() -> None:
    answer = derive_answer(REQUEST, by_feature(image(REJECTED)), 1011)
    assert answer
    assert (answer.status, answer.verdict, answer.failure) == (Status.FAILED, None, REJECTED.failure)


@pytest.mark.parametrize("item", [None, image(None)])
def test_a_pending_request_times_out_after_its_deadline_and_the_grace_period(item: Image | None) -> None:
    answer = derive_answer(REQUEST, by_feature(item), 4600 + GRACE_SECONDS + 0.001)
    assert answer
    assert (answer.status, answer.failure, answer.completed_at) == (Status.FAILED, TIMED_OUT, 4600)


LATE = 4600 + GRACE_SECONDS + 1


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (None, "never_uploaded"),
        (image(None), "never_uploaded"),
        (Image("h", first_leased_at=4601), "never_uploaded"),
        (Image("h", first_leased_at=4600), "timed_out"),
    ],
)
def test_a_missing_upload_and_a_missing_scan_are_different_failures(item: Image | None, code: str) -> None:
    answer = derive_answer(replace(REQUEST, awaits_upload=True), by_feature(item), LATE)
    assert answer
    assert answer.failure
    assert answer.failure.code == code


def test_a_request_that_was_sent_with_its_bytes_never_fails_as_never_uploaded() -> None:
    answer = derive_answer(REQUEST, None, LATE)
    assert answer
    assert answer.failure == TIMED_OUT


def test_a_scan_that_finished_at_the_deadline_counts() -> None:
    answer = derive_answer(REQUEST, by_feature(image(replace(SCAN, finished_at=4600))), 9999)
    assert answer
    assert answer.status is Status.COMPLETED


def test_a_scan_that_finished_after_the_deadline_does_not_change_the_timeout() -> None:
    late = image(replace(SCAN, finished_at=4600.1))
    timed_out = derive_answer(REQUEST, None, 99_999)
    assert [derive_answer(REQUEST, by_feature(late), now) for now in (4601, 99_999)] == [timed_out] * 2


def test_a_request_for_a_known_image_is_completed_at_its_creation() -> None:
    answer = derive_answer(replace(REQUEST, created_at=2000), by_feature(image(SCAN)), 2000)
    assert answer
    assert answer.completed_at == 2000


def test_a_settled_answer_does_not_depend_on_later_states_of_the_image() -> None:
    settled = with_answer(REQUEST, by_feature(image(SCAN)), 1011)
    assert settled
    assert derive_answer(settled, by_feature(image(REJECTED)), 99_999) == settled.answer


def test_a_scan_is_reused_by_every_request_except_the_one_it_was_made_for() -> None:
    assert scan_reused_by(REQUEST, SCAN) is None
    assert scan_reused_by(replace(REQUEST, id="another"), SCAN) == "bytes"


def test_a_copied_scan_is_reused_by_content_for_the_request_that_it_was_copied_for() -> None:
    copy = replace(SCAN, origin=Origin(5.0))
    assert scan_reused_by(REQUEST, copy) == "content"
    assert scan_reused_by(replace(REQUEST, id="another"), copy) == "bytes"


def test_the_grace_period_is_longer_than_any_write_in_flight() -> None:
    assert 10 * max(SCANNER_TIMEOUT_SECONDS, LEASE_SECONDS) < GRACE_SECONDS


MIDNIGHT = float(DAY_SECONDS)  # the first one after REQUEST, whose deadline is one hour after its creation


@pytest.mark.parametrize(("now", "midnight"), [(0, 86_400), (86_399.9, 86_400), (86_400, 172_800), (1e5, 172_800)])
def test_the_next_day_starts_at_midnight_utc(now: float, midnight: float) -> None:
    assert next_day(now) == midnight


@pytest.mark.parametrize(
    ("deferred_at", "deadline"),
    [
        ((), 4600),
        ((4600,), MIDNIGHT + 3600),
        ((4600.1,), 4600),  # the request had timed out before the image was deferred
        ((4600, MIDNIGHT + 3600), 2 * MIDNIGHT + 3600),
        ((MIDNIGHT + 3600, 4600), 2 * MIDNIGHT + 3600),  # DynamoDB sets have no order
        ((4600, MIDNIGHT + 3600.1), MIDNIGHT + 3600),
        ((500,), MIDNIGHT + 3600),  # the image was already deferred when the request was created
    ],
)
def test_a_deferral_moves_the_deadline_to_the_next_day(deferred_at: tuple[float, ...], deadline: float) -> None:
    assert effective_deadline(REQUEST, by_feature(Image("h", deferred_at=deferred_at))) == deadline


def test_a_deferral_that_ended_before_the_request_does_not_move_its_deadline() -> None:
    request = replace(REQUEST, created_at=MIDNIGHT + 10, deadline=MIDNIGHT + 3610)
    assert effective_deadline(request, by_feature(Image("h", deferred_at=(1000,)))) == MIDNIGHT + 3610


def test_a_request_for_a_deferred_image_is_answered_the_next_day() -> None:
    deferred = Image("h", deferred_at=(1010,))
    assert derive_answer(REQUEST, by_feature(deferred), LATE) is None
    scanned = replace(deferred, scan=replace(SCAN, finished_at=MIDNIGHT + 60))
    settled = with_answer(REQUEST, by_feature(scanned), MIDNIGHT + 61)
    assert settled
    assert settled.answer
    assert (settled.answer.status, settled.deadline) == (Status.COMPLETED, MIDNIGHT + 3600)


def test_a_settled_request_stores_its_effective_deadline() -> None:
    deferred = Image("h", deferred_at=(1010,))
    settled = with_answer(REQUEST, by_feature(deferred), MIDNIGHT + 3601 + GRACE_SECONDS)
    assert settled
    assert (settled.answer and settled.answer.completed_at, settled.deadline) == (MIDNIGHT + 3600, MIDNIGHT + 3600)
    assert effective_deadline(settled, by_feature(deferred)) == settled.deadline


@pytest.mark.parametrize(("now", "is_deferred"), [(1010, True), (MIDNIGHT - 1, True), (MIDNIGHT, False)])
def test_an_image_is_deferred_until_the_next_midnight(now: float, is_deferred: bool) -> None:
    assert Image("h", deferred_at=(1010,)).is_deferred(now) is is_deferred
    assert not Image("h").is_deferred(now)
