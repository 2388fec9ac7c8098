from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from imagescan.domain.errors import Conflict, NotFound
from imagescan.domain.image import DeclaredImage, ValidatedImage, validate_image
from imagescan.domain.image_header import ImageType
from imagescan.domain.image_record import Image, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.policy import GRACE_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import NEVER_UPLOADED, ScanRequest, with_answer
from imagescan.use_cases.ask_follow_up import ask_follow_up
from imagescan.use_cases.get_request import get_request
from imagescan.use_cases.submit_request import SubmitResult, submit_request
from testing.fakes import FakeBucket, FakeImages, FakeRequests
from testing.images import png

IMAGE = validate_image(png(), ImageType.PNG)
SEEN = Scan(Status.COMPLETED, 990, (Label("Cat", 97),), "3.0", scanned_for="earlier")


class Upset(Exception):
    pass


class FullBucket(FakeBucket):
    def put(self, image: ValidatedImage, request_id: str) -> None:
        raise Upset


def submitted(
    images: FakeImages,
    requests: FakeRequests,
    bucket: FakeBucket,
    image: ValidatedImage | DeclaredImage = IMAGE,
    **changes: Any,
) -> SubmitResult:
    request = ScanRequest("r", image.hash, image.key, Question(("cat",), 90), created_at=1000, deadline=4600)
    return submit_request(replace(request, **changes), image, images=images, requests=requests, bucket=bucket, now=1000)


def test_a_new_image_is_uploaded_and_its_request_waits() -> None:
    requests, bucket = FakeRequests(), FakeBucket()
    request = submitted(FakeImages(), requests, bucket).request
    assert bucket.uploads == [f"{IMAGE.key} for r"]
    assert requests.stored == {"r": request}
    assert (request.answer, request.deadline) == (None, 4600)


def test_a_known_image_is_answered_at_once_without_an_upload() -> None:
    requests, bucket = FakeRequests(), FakeBucket()
    request = submitted(FakeImages({IMAGE.hash: Image(IMAGE.hash, scan=SEEN)}), requests, bucket).request
    assert request.answer
    assert request.answer.status is Status.COMPLETED
    assert (bucket.uploads, requests.stored) == ([], {"r": request})


def test_an_image_that_is_being_scanned_is_uploaded_again_so_that_another_message_comes() -> None:
    bucket = FakeBucket()
    submitted(FakeImages({IMAGE.hash: Image(IMAGE.hash, 1, lease_until=1050)}), FakeRequests(), bucket)
    assert len(bucket.uploads) == 1


def test_an_upload_that_breaks_leaves_no_request_behind() -> None:
    requests = FakeRequests()
    with pytest.raises(Upset):
        submitted(FakeImages(), requests, FullBucket())
    assert requests.stored == {}


def test_the_status_of_a_settled_request_needs_no_image() -> None:
    requests = FakeRequests()
    settled = submitted(FakeImages({IMAGE.hash: Image(IMAGE.hash, scan=SEEN)}), requests, FakeBucket()).request
    standing = get_request("r", images=FakeImages(), requests=requests, now=9999)
    assert (standing.request, standing.image) == (settled, None)


def test_the_status_of_a_waiting_request_is_derived_from_its_image() -> None:
    requests = FakeRequests()
    waiting = submitted(FakeImages(), requests, FakeBucket()).request
    row = Image(IMAGE.hash, scan=replace(SEEN, finished_at=1001))
    assert get_request("r", images=FakeImages(), requests=requests, now=1002).request == waiting
    found = get_request("r", images=FakeImages({IMAGE.hash: row}), requests=requests, now=1002).request
    assert found.answer
    assert found.answer.status is Status.COMPLETED


def test_a_request_past_its_deadline_says_failed_and_never_pending() -> None:
    requests = FakeRequests()
    submitted(FakeImages(), requests, FakeBucket())
    late = get_request("r", images=FakeImages(), requests=requests, now=4600 + GRACE_SECONDS + 1).request
    assert late.answer
    assert late.answer.status is Status.FAILED


@dataclass
class SettledMeanwhile(FakeImages):
    """Its image's row was removed, because the request was settled after it was read."""

    requests: FakeRequests = field(default_factory=FakeRequests)
    answered: ScanRequest | None = None

    def get(self, image_hash: str) -> Image | None:
        if self.answered:
            self.requests.stored[self.answered.id] = self.answered
        return None


def test_a_request_that_was_settled_and_lost_its_image_meanwhile_has_not_timed_out() -> None:
    requests, late = FakeRequests(), 4600 + GRACE_SECONDS + 1
    waiting = submitted(FakeImages(), requests, FakeBucket()).request
    answered = with_answer(waiting, Image(IMAGE.hash, scan=SEEN), late)
    images = SettledMeanwhile(requests=requests, answered=answered)
    assert get_request("r", images=images, requests=requests, now=late).request == answered


def test_an_id_that_was_never_given_is_not_found() -> None:
    with pytest.raises(NotFound):
        get_request("nobody", images=FakeImages(), requests=FakeRequests(), now=1000)


ANNOUNCED = DeclaredImage("cd" * 32, 12_000_000, ImageType.JPEG)


def test_an_announced_image_is_not_uploaded_here_but_told_where_to_go() -> None:
    requests, bucket = FakeRequests(), FakeBucket()
    told = submitted(FakeImages(), requests, bucket, ANNOUNCED, awaits_upload=True)
    assert told.upload
    assert (told.upload.expires_at, bucket.uploads, list(requests.stored)) == (1900, [], ["r"])


def test_an_announced_image_that_is_known_needs_no_upload_at_all() -> None:
    known = FakeImages({ANNOUNCED.hash: Image(ANNOUNCED.hash, scan=SEEN)})
    told = submitted(known, FakeRequests(), FakeBucket(), ANNOUNCED, awaits_upload=True)
    assert told.request.answer
    assert told.upload is None


def test_a_repeated_key_with_the_same_body_is_the_same_request_and_uploads_nothing_again() -> None:
    requests, bucket = FakeRequests(), FakeBucket()
    first = submitted(FakeImages(), requests, bucket, payload_hash="f")
    again = submitted(FakeImages(), requests, bucket, payload_hash="f", created_at=2000)
    assert again == first
    assert len(bucket.uploads) == 1


def test_what_was_announced_may_be_posted_under_the_same_key_and_is_stored() -> None:
    requests, bucket = FakeRequests(), FakeBucket()
    told = DeclaredImage(IMAGE.hash, len(IMAGE.content), IMAGE.type)
    first = submitted(FakeImages(), requests, bucket, told, awaits_upload=True, payload_hash="f")
    assert bucket.uploads == []
    again = submitted(FakeImages(), requests, bucket, payload_hash="f")
    assert again.request == first.request
    assert bucket.uploads == [f"{IMAGE.key} for r"]


def test_bytes_posted_under_the_key_of_a_request_that_has_timed_out_are_not_stored() -> None:
    requests, bucket = FakeRequests(), FakeBucket()
    submitted(FakeImages(), requests, bucket, ANNOUNCED, awaits_upload=True, payload_hash="f")
    late = replace(requests.stored["r"], deadline=-1.0 - GRACE_SECONDS)
    requests.stored["r"] = late
    again = submitted(FakeImages(), requests, bucket, payload_hash="f")
    assert again.request.answer
    assert (again.request.answer.failure, bucket.uploads) == (NEVER_UPLOADED, [])


def test_a_key_of_an_announcement_with_another_body_is_refused_and_uploads_nothing() -> None:
    requests, bucket = FakeRequests(), FakeBucket()
    submitted(FakeImages(), requests, bucket, ANNOUNCED, awaits_upload=True, payload_hash="f")
    with pytest.raises(Conflict):
        submitted(FakeImages(), requests, bucket, payload_hash="g")
    assert bucket.uploads == []


def test_a_repeated_key_is_answered_once_the_image_is_known() -> None:
    requests = FakeRequests()
    submitted(FakeImages(), requests, FakeBucket(), payload_hash="f")
    known = FakeImages({IMAGE.hash: Image(IMAGE.hash, scan=SEEN)})
    assert submitted(known, requests, FakeBucket(), payload_hash="f").request.answer


def test_a_repeated_key_with_another_body_is_refused_and_uploads_nothing() -> None:
    requests, bucket = FakeRequests(), FakeBucket()
    submitted(FakeImages(), requests, FakeBucket(), payload_hash="f")
    with pytest.raises(Conflict, match="Idempotency-Key"):
        submitted(FakeImages(), requests, bucket, payload_hash="g")
    assert bucket.uploads == []


def test_a_key_that_loses_the_race_to_another_body_is_refused() -> None:
    class Racing(FakeRequests):
        def get(self, request_id: str) -> ScanRequest | None:
            return None

    requests = Racing()
    submitted(FakeImages(), requests, FakeBucket(), payload_hash="f")
    with pytest.raises(Conflict):
        submitted(FakeImages(), requests, FakeBucket(), payload_hash="g")


def test_more_is_asked_of_stored_labels_without_a_write() -> None:
    requests = FakeRequests()
    submitted(FakeImages({IMAGE.hash: Image(IMAGE.hash, scan=SEEN)}), requests, FakeBucket())
    before = dict(requests.stored)
    asked = ask_follow_up("r", Question(("dog", "cat"), 50), images=FakeImages(), requests=requests, now=2000)
    assert [finding.matched for finding in asked.verdict.findings] == [False, True]
    assert requests.stored == before


@pytest.mark.parametrize(("now", "code"), [(1001, "request_pending"), (99_999, "labels_unavailable")])
def test_without_labels_more_cannot_be_asked(now: float, code: str) -> None:
    requests = FakeRequests()
    submitted(FakeImages(), requests, FakeBucket())
    with pytest.raises(Conflict) as refused:
        ask_follow_up("r", Question(("dog",), 50), images=FakeImages(), requests=requests, now=now)
    assert refused.value.code == code
