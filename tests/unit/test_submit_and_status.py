from dataclasses import replace

import pytest

from imagescan.errors import NotFound
from imagescan.images import CheckedImage, ImageType, check
from imagescan.labels import Label
from imagescan.requests import GRACE_SECONDS, Image, Scan, ScanRequest, Status
from imagescan.status import status
from imagescan.submit import Question, submit
from tests.pictures import png
from tests.unit.fakes import FakeBucket, FakeImages, FakeRequests

IMAGE = check(png(), ImageType.PNG)
SEEN = Scan(Status.COMPLETED, 990, (Label("Cat", 97),), "3.0", scanned_for="earlier")


class Upset(Exception):
    pass


class FullBucket(FakeBucket):
    def put(self, image: CheckedImage, request_id: str) -> None:
        raise Upset


def submitted(images: FakeImages, requests: FakeRequests, bucket: FakeBucket) -> ScanRequest:
    return submit(
        IMAGE,
        Question("cat", 90),
        images=images,
        requests=requests,
        bucket=bucket,
        request_id="r",
        now=1000,
        deadline_seconds=3600,
    )


def test_a_new_image_is_uploaded_and_its_request_waits() -> None:
    requests, bucket = FakeRequests(), FakeBucket()
    request = submitted(FakeImages(), requests, bucket)
    assert bucket.uploads == [f"{IMAGE.key} for r"]
    assert requests.stored == {"r": request}
    assert (request.answer, request.deadline) == (None, 4600)


def test_a_known_image_is_answered_at_once_without_an_upload() -> None:
    requests, bucket = FakeRequests(), FakeBucket()
    request = submitted(FakeImages({IMAGE.hash: Image(IMAGE.hash, scan=SEEN)}), requests, bucket)
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
    settled = submitted(FakeImages({IMAGE.hash: Image(IMAGE.hash, scan=SEEN)}), requests, FakeBucket())
    standing = status("r", images=FakeImages(), requests=requests, now=9999)
    assert (standing.request, standing.image) == (settled, None)


def test_the_status_of_a_waiting_request_is_derived_from_its_image() -> None:
    requests = FakeRequests()
    waiting = submitted(FakeImages(), requests, FakeBucket())
    row = Image(IMAGE.hash, scan=replace(SEEN, finished_at=1001))
    assert status("r", images=FakeImages(), requests=requests, now=1002).request == waiting
    found = status("r", images=FakeImages({IMAGE.hash: row}), requests=requests, now=1002).request
    assert found.answer
    assert found.answer.status is Status.COMPLETED


def test_a_request_past_its_deadline_says_failed_and_never_pending() -> None:
    requests = FakeRequests()
    submitted(FakeImages(), requests, FakeBucket())
    late = status("r", images=FakeImages(), requests=requests, now=4600 + GRACE_SECONDS + 1).request
    assert late.answer
    assert late.answer.status is Status.FAILED


def test_an_id_that_was_never_given_is_not_found() -> None:
    with pytest.raises(NotFound):
        status("nobody", images=FakeImages(), requests=FakeRequests(), now=1000)
