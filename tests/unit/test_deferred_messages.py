"""A deferred request names the day to which it is deferred until that day begins."""

from typing import Any

import pytest

from imagescan.api import http, serializers
from imagescan.domain.image_record import Image, Scan, Status
from imagescan.domain.iso_time import iso_time
from imagescan.domain.labels import Label
from imagescan.domain.policy import DAY_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest, deferred_until, with_answer
from testing.fakes import by_feature

MIDNIGHT = 20_000.0 * DAY_SECONDS
CREATED_AT = MIDNIGHT - 7200
REQUEST = ScanRequest("r", "h", "images/h.jpg", Question(("cat",), 90), CREATED_AT, CREATED_AT + 3600)
DEFERRED = Image("h", deferred_at=(CREATED_AT + 1,))
DAY = iso_time(MIDNIGHT)[:10]
BEFORE, AFTER = [CREATED_AT + 1, MIDNIGHT - 0.001], [MIDNIGHT, MIDNIGHT + 1, MIDNIGHT + 3600]


def pending_body(now: float, image: Image | None = DEFERRED) -> dict[str, Any]:
    return serializers.request_body(REQUEST, by_feature(image), now=now)


def retry_after(now: float, *images: Image | None) -> dict[str, str]:
    """Return the header for pending requests for these images."""
    return http.retry_after(*(deferred_until(REQUEST, by_feature(image), now) for image in images))


@pytest.mark.parametrize("now", BEFORE)
def test_before_midnight_the_message_names_the_day(now: float) -> None:
    assert DAY in pending_body(now)["message"]
    assert retry_after(now, DEFERRED) == {"Retry-After": "300"}


@pytest.mark.parametrize("now", AFTER)
def test_after_midnight_the_message_is_that_of_any_pending_request(now: float) -> None:
    assert pending_body(now)["message"] == pending_body(now, Image("h"))["message"]
    assert retry_after(now, DEFERRED) == {"Retry-After": "1"}


def test_an_image_that_is_deferred_once_more_names_the_next_day() -> None:
    twice = Image("h", deferred_at=(CREATED_AT + 1, MIDNIGHT + 5))
    body = pending_body(MIDNIGHT + 10, twice)
    assert iso_time(MIDNIGHT + DAY_SECONDS)[:10] in body["message"]
    assert DAY not in body["message"]


@pytest.mark.parametrize("now", BEFORE + AFTER)
def test_the_deadline_counts_the_deferral_at_any_time(now: float) -> None:
    assert pending_body(now)["deadline"] == iso_time(MIDNIGHT + 3600)


def test_lists_and_batches_use_the_same_message() -> None:
    for now in BEFORE + AFTER:
        message = pending_body(now)["message"]
        assert serializers.request_summary(REQUEST, by_feature(DEFERRED), now=now)["message"] == message
        assert serializers.batch_entry_body(REQUEST, by_feature(DEFERRED), None, now=now)["message"] == message


def test_a_poll_for_several_requests_waits_only_if_all_are_deferred() -> None:
    assert retry_after(BEFORE[0], DEFERRED, DEFERRED) == {"Retry-After": "300"}
    assert retry_after(BEFORE[0], DEFERRED, None) == {"Retry-After": "1"}
    assert retry_after(BEFORE[0], DEFERRED, Image("h")) == {"Retry-After": "1"}


def etag(now: float) -> str:
    tag: str = http.conditional({}, http.response(200, pending_body(now)))["headers"]["ETag"]
    return tag


def test_the_etag_changes_once_when_the_day_begins() -> None:
    assert {etag(now) for now in BEFORE}.isdisjoint(etag(now) for now in AFTER)
    assert [len({etag(now) for now in times}) for times in (BEFORE, AFTER)] == [1, 1]


def test_an_answer_does_not_depend_on_the_time() -> None:
    scanned = Image(
        "h", scan=Scan(Status.COMPLETED, CREATED_AT + 2, (Label("Cat", 97),)), deferred_at=(CREATED_AT + 1,)
    )
    answered = with_answer(REQUEST, by_feature(scanned), MIDNIGHT)
    assert answered
    bodies = [serializers.request_body(answered, by_feature(scanned), now=now) for now in BEFORE + AFTER]
    assert all(body == bodies[0] for body in bodies)
