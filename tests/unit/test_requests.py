from dataclasses import replace

import pytest

from imagescan.labels import Label, Question
from imagescan.requests import (
    GRACE_SECONDS,
    TIMED_OUT,
    Failure,
    Image,
    Scan,
    ScanRequest,
    Status,
    derive,
    is_shared,
    settled,
)
from imagescan.settings import LEASE_SECONDS, SCANNER_TIMEOUT_SECONDS

REQUEST = ScanRequest("r", "h", "images/h.png", Question(("cat",), 90), created_at=1000, deadline=4600)
SEEN = Scan(Status.COMPLETED, 1010, (Label("Cat", 97),), "3.0", scanned_for="r")
REFUSED = Scan(Status.FAILED, 1010, failure=Failure("image_invalid", "It cannot be read."))


def image(scan: Scan | None) -> Image:
    return Image("h", scan=scan)


@pytest.mark.parametrize("row", [None, image(None), Image("h", attempts=1, lease_until=1100)])
@pytest.mark.parametrize("now", [1000, 4600, 4600 + GRACE_SECONDS])
def test_a_request_is_pending_until_its_image_is_terminal(row: Image | None, now: float) -> None:
    assert derive(REQUEST, row, now) is None


def test_a_finished_scan_answers_with_the_verdict_on_its_labels() -> None:
    answer = derive(REQUEST, image(SEEN), 1011)
    assert answer
    assert answer.status is Status.COMPLETED
    assert answer.verdict
    assert answer.verdict.matched


def test_a_refused_image_fails_the_request_and_is_never_a_no() -> None:
    answer = derive(REQUEST, image(REFUSED), 1011)
    assert answer
    assert (answer.status, answer.verdict, answer.failure) == (Status.FAILED, None, REFUSED.failure)


@pytest.mark.parametrize("row", [None, image(None)])
def test_past_deadline_and_grace_the_request_is_timed_out(row: Image | None) -> None:
    answer = derive(REQUEST, row, 4600 + GRACE_SECONDS + 0.001)
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
    answer = derive(replace(REQUEST, awaits_upload=True), row, LATE)
    assert answer
    assert answer.failure
    assert answer.failure.code == code


def test_a_request_that_came_with_its_bytes_is_never_called_not_uploaded() -> None:
    answer = derive(REQUEST, None, LATE)
    assert answer
    assert answer.failure == TIMED_OUT


def test_a_scan_that_finished_at_the_deadline_still_counts() -> None:
    answer = derive(REQUEST, image(replace(SEEN, finished_at=4600)), 9999)
    assert answer
    assert answer.status is Status.COMPLETED


def test_a_scan_that_finished_after_the_deadline_never_overturns_the_time_out() -> None:
    late = image(replace(SEEN, finished_at=4600.1))
    assert [derive(REQUEST, late, now) for now in (4601, 99_999)] == [derive(REQUEST, None, 99_999)] * 2


def test_an_image_known_before_the_request_answers_it_at_its_creation() -> None:
    answer = derive(replace(REQUEST, created_at=2000), image(SEEN), 2000)
    assert answer
    assert answer.completed_at == 2000


def test_a_settled_answer_stays_whatever_the_image_says_later() -> None:
    row = settled(REQUEST, image(SEEN), 1011)
    assert row
    assert derive(row, image(REFUSED), 99_999) == row.answer


def test_a_scan_is_shared_with_all_but_the_request_it_was_made_for() -> None:
    assert not is_shared(REQUEST, SEEN)
    assert is_shared(replace(REQUEST, id="another"), SEEN)


def test_grace_outlives_every_write_that_may_still_be_on_its_way() -> None:
    assert 10 * max(SCANNER_TIMEOUT_SECONDS, LEASE_SECONDS) < GRACE_SECONDS
