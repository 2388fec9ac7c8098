from dataclasses import replace

import pytest

from imagescan.domain.image_record import Failure, Image, Scan, Status, next_day
from imagescan.domain.labels import Label
from imagescan.domain.policy import DAY_SECONDS, GRACE_SECONDS, LEASE_SECONDS, SCANNER_TIMEOUT_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import (
    TIMED_OUT,
    ScanRequest,
    derive_answer,
    effective_deadline,
    is_reused_scan,
    with_answer,
)

REQUEST = ScanRequest("r", "h", "images/h.png", Question(("cat",), 90), created_at=1000, deadline=4600)
SEEN = Scan(Status.COMPLETED, 1010, (Label("Cat", 97),), "3.0", scanned_for="r")
REFUSED = Scan(Status.FAILED, 1010, failure=Failure("image_invalid", "It cannot be read."))


def image(scan: Scan | None) -> Image:
    return Image("h", scan=scan)


@pytest.mark.parametrize("row", [None, image(None), Image("h", attempts=1, lease_until=1100)])
@pytest.mark.parametrize("now", [1000, 4600, 4600 + GRACE_SECONDS])
def test_a_request_is_pending_until_its_image_is_terminal(row: Image | None, now: float) -> None:
    assert derive_answer(REQUEST, row, now) is None


def test_a_finished_scan_answers_with_the_verdict_on_its_labels() -> None:
    answer = derive_answer(REQUEST, image(SEEN), 1011)
    assert answer
    assert answer.status is Status.COMPLETED
    assert answer.verdict
    assert answer.verdict.matched


def test_a_refused_image_fails_the_request_and_is_never_a_no() -> None:
    answer = derive_answer(REQUEST, image(REFUSED), 1011)
    assert answer
    assert (answer.status, answer.verdict, answer.failure) == (Status.FAILED, None, REFUSED.failure)


@pytest.mark.parametrize("row", [None, image(None)])
def test_past_deadline_and_grace_the_request_is_timed_out(row: Image | None) -> None:
    answer = derive_answer(REQUEST, row, 4600 + GRACE_SECONDS + 0.001)
    assert answer
    assert (answer.status, answer.failure, answer.completed_at) == (Status.FAILED, TIMED_OUT, 4600)


LATE = 4600 + GRACE_SECONDS + 1


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (None, "never_uploaded"),
        (image(None), "never_uploaded"),
        (Image("h", first_leased_at=4601), "never_uploaded"),
        (Image("h", first_leased_at=4600), "timed_out"),
    ],
)
def test_an_upload_that_never_came_is_told_from_a_scan_that_did_not(row: Image | None, code: str) -> None:
    answer = derive_answer(replace(REQUEST, awaits_upload=True), row, LATE)
    assert answer
    assert answer.failure
    assert answer.failure.code == code


def test_a_request_that_came_with_its_bytes_is_never_called_not_uploaded() -> None:
    answer = derive_answer(REQUEST, None, LATE)
    assert answer
    assert answer.failure == TIMED_OUT


def test_a_scan_that_finished_at_the_deadline_still_counts() -> None:
    answer = derive_answer(REQUEST, image(replace(SEEN, finished_at=4600)), 9999)
    assert answer
    assert answer.status is Status.COMPLETED


def test_a_scan_that_finished_after_the_deadline_never_overturns_the_time_out() -> None:
    late = image(replace(SEEN, finished_at=4600.1))
    assert [derive_answer(REQUEST, late, now) for now in (4601, 99_999)] == [derive_answer(REQUEST, None, 99_999)] * 2


def test_an_image_known_before_the_request_answers_it_at_its_creation() -> None:
    answer = derive_answer(replace(REQUEST, created_at=2000), image(SEEN), 2000)
    assert answer
    assert answer.completed_at == 2000


def test_a_settled_answer_stays_whatever_the_image_says_later() -> None:
    row = with_answer(REQUEST, image(SEEN), 1011)
    assert row
    assert derive_answer(row, image(REFUSED), 99_999) == row.answer


def test_a_scan_is_shared_with_all_but_the_request_it_was_made_for() -> None:
    assert not is_reused_scan(REQUEST, SEEN)
    assert is_reused_scan(replace(REQUEST, id="another"), SEEN)


def test_grace_outlives_every_write_that_may_still_be_on_its_way() -> None:
    assert 10 * max(SCANNER_TIMEOUT_SECONDS, LEASE_SECONDS) < GRACE_SECONDS


MIDNIGHT = float(DAY_SECONDS)  # the first after REQUEST, which has an hour


@pytest.mark.parametrize(("now", "midnight"), [(0, 86_400), (86_399.9, 86_400), (86_400, 172_800), (1e5, 172_800)])
def test_the_next_day_begins_at_midnight_in_utc(now: float, midnight: float) -> None:
    assert next_day(now) == midnight


@pytest.mark.parametrize(
    ("deferred_at", "deadline"),
    [
        ((), 4600),
        ((4600,), MIDNIGHT + 3600),
        ((4600.1,), 4600),  # the request had timed out before the image began to wait
        ((4600, MIDNIGHT + 3600), 2 * MIDNIGHT + 3600),
        ((MIDNIGHT + 3600, 4600), 2 * MIDNIGHT + 3600),  # a set has no order
        ((4600, MIDNIGHT + 3600.1), MIDNIGHT + 3600),
        ((500,), MIDNIGHT + 3600),  # the image waited already when the request came
    ],
)
def test_a_day_without_budget_does_not_count_against_the_deadline(
    deferred_at: tuple[float, ...], deadline: float
) -> None:
    assert effective_deadline(REQUEST, Image("h", deferred_at=deferred_at)) == deadline


def test_a_wait_that_is_over_when_the_request_comes_gives_it_no_more_time() -> None:
    request = replace(REQUEST, created_at=MIDNIGHT + 10, deadline=MIDNIGHT + 3610)
    assert effective_deadline(request, Image("h", deferred_at=(1000,))) == MIDNIGHT + 3610


def test_a_request_whose_image_waits_is_answered_the_next_day() -> None:
    waiting = Image("h", deferred_at=(1010,))
    assert derive_answer(REQUEST, waiting, LATE) is None
    row = with_answer(REQUEST, replace(waiting, scan=replace(SEEN, finished_at=MIDNIGHT + 60)), MIDNIGHT + 61)
    assert row
    assert row.answer
    assert (row.answer.status, row.deadline) == (Status.COMPLETED, MIDNIGHT + 3600)


def test_a_settled_row_says_its_deadline_itself() -> None:
    waiting = Image("h", deferred_at=(1010,))
    row = with_answer(REQUEST, waiting, MIDNIGHT + 3601 + GRACE_SECONDS)
    assert row
    assert (row.answer and row.answer.completed_at, row.deadline) == (MIDNIGHT + 3600, MIDNIGHT + 3600)
    assert effective_deadline(row, waiting) == row.deadline


@pytest.mark.parametrize(("now", "is_deferred"), [(1010, True), (MIDNIGHT - 1, True), (MIDNIGHT, False)])
def test_an_image_waits_until_the_next_days_budget(now: float, is_deferred: bool) -> None:
    assert Image("h", deferred_at=(1010,)).is_deferred(now) is is_deferred
    assert not Image("h").is_deferred(now)
