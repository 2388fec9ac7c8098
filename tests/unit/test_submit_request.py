from dataclasses import replace
from typing import Any

import pytest

from imagescan.domain.errors import Conflict
from imagescan.domain.image import DeclaredImage, ValidatedImage, object_key, upload_key, validate_image
from imagescan.domain.image_header import ImageType
from imagescan.domain.image_record import Image, Possession, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.policy import DAY_SECONDS, GRACE_SECONDS, ITEM_MARGIN_SECONDS, REQUEST_STORED_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import NEVER_UPLOADED, ScanRequest
from imagescan.use_cases.submit_request import SubmitResult, submit_request
from testing.fakes import FakeBucket, FakeImages, FakeRequests
from testing.images import png

IMAGE, OTHER = (validate_image(png(shade=shade), ImageType.PNG) for shade in (0, 1))
OWN_KEY = upload_key("r", IMAGE.hash, IMAGE.type)
DECLARED = DeclaredImage("cd" * 32, 12_000_000, ImageType.JPEG)
RETENTION_SECONDS = 30 * DAY_SECONDS
WRITTEN_NOW = 1000 + RETENTION_SECONDS + ITEM_MARGIN_SECONDS
SCAN = Scan(Status.COMPLETED, 990, (Label("Cat", 97),), "3.0", scanned_for="earlier")


class UploadError(Exception):
    pass


class FailingBucket(FakeBucket):
    def put(self, image: ValidatedImage, request: ScanRequest) -> None:
        raise UploadError


def scanned(image: ValidatedImage | DeclaredImage) -> FakeImages:
    return FakeImages({image.hash: Image(image.hash, scan=SCAN)})


def submit(
    images: FakeImages,
    requests: FakeRequests,
    bucket: FakeBucket,
    image: ValidatedImage | DeclaredImage = IMAGE,
    **changes: Any,
) -> SubmitResult:
    is_upload = isinstance(image, DeclaredImage)
    key = upload_key("r", image.hash, image.type) if is_upload else object_key(image.hash, image.type)
    request = ScanRequest("r", image.hash, key, Question(("cat",), 90), 1000, 4600, awaits_upload=is_upload)
    return submit_request(
        replace(request, **changes),
        image,
        images=images,
        requests=requests,
        bucket=bucket,
        now=1000,
        retention_seconds=RETENTION_SECONDS,
    )


def test_a_new_image_is_stored_and_its_request_is_pending() -> None:
    requests, bucket = FakeRequests(), FakeBucket()
    request = submit(FakeImages(), requests, bucket).request
    assert bucket.uploads == [f"{IMAGE.key} for r"]
    assert requests.stored == {"r": request}
    assert (request.answer, request.deadline) == (None, 4600)


def test_a_request_for_a_known_image_is_answered_immediately_and_stores_no_bytes() -> None:
    requests, bucket = FakeRequests(), FakeBucket()
    request = submit(scanned(IMAGE), requests, bucket).request
    assert request.answer
    assert request.answer.status is Status.COMPLETED
    assert (bucket.uploads, requests.stored) == ([], {"r": request})


def test_an_image_that_is_being_scanned_is_stored_again_so_that_there_is_another_message() -> None:
    bucket = FakeBucket()
    submit(FakeImages({IMAGE.hash: Image(IMAGE.hash, 1, lease_until=1050)}), FakeRequests(), bucket)
    assert len(bucket.uploads) == 1


def test_no_request_is_stored_if_its_bytes_cannot_be_stored() -> None:
    requests = FakeRequests()
    with pytest.raises(UploadError):
        submit(FakeImages(), requests, FailingBucket())
    assert requests.stored == {}


def test_a_declared_image_gets_a_presigned_upload_and_is_not_stored() -> None:
    requests, bucket = FakeRequests(), FakeBucket()
    result = submit(FakeImages(), requests, bucket, DECLARED, awaits_upload=True)
    assert result.upload
    assert (result.upload.expires_at, bucket.uploads, list(requests.stored)) == (1900, [], ["r"])


def test_a_declared_image_that_is_known_needs_no_upload() -> None:
    result = submit(scanned(DECLARED), FakeRequests(), FakeBucket(), DECLARED, awaits_upload=True)
    assert result.request.answer
    assert result.upload is None


def test_a_repeated_key_with_the_same_payload_returns_the_same_request_and_stores_nothing_again() -> None:
    requests, bucket = FakeRequests(), FakeBucket()
    first = submit(FakeImages(), requests, bucket, payload_hash="f")
    repeated = submit(FakeImages(), requests, bucket, payload_hash="f", created_at=2000)
    assert repeated == first
    assert len(bucket.uploads) == 1


def test_bytes_that_are_posted_under_the_key_of_their_declaration_are_stored() -> None:
    requests, bucket = FakeRequests(), FakeBucket()
    declared = DeclaredImage(IMAGE.hash, len(IMAGE.content), IMAGE.type)
    first = submit(FakeImages(), requests, bucket, declared, awaits_upload=True, payload_hash="f")
    assert bucket.uploads == []
    repeated = submit(FakeImages(), requests, bucket, payload_hash="f")
    assert repeated.request == first.request
    assert bucket.uploads == [f"{first.request.image_key} for r"]


def test_bytes_that_are_posted_under_the_key_of_a_request_that_timed_out_are_not_stored() -> None:
    requests, bucket = FakeRequests(), FakeBucket()
    submit(FakeImages(), requests, bucket, DECLARED, awaits_upload=True, payload_hash="f")
    requests.stored["r"] = replace(requests.stored["r"], deadline=-1.0 - GRACE_SECONDS)
    repeated = submit(FakeImages(), requests, bucket, payload_hash="f")
    assert repeated.request.answer
    assert (repeated.request.answer.failure, bucket.uploads) == (NEVER_UPLOADED, [])


def test_the_key_of_a_declaration_with_another_payload_is_rejected_and_stores_nothing() -> None:
    requests, bucket = FakeRequests(), FakeBucket()
    submit(FakeImages(), requests, bucket, DECLARED, awaits_upload=True, payload_hash="f")
    with pytest.raises(Conflict):
        submit(FakeImages(), requests, bucket, payload_hash="g")
    assert bucket.uploads == []


def test_a_repeated_key_returns_the_answer_once_the_image_is_known() -> None:
    requests = FakeRequests()
    submit(FakeImages(), requests, FakeBucket(), payload_hash="f")
    assert submit(scanned(IMAGE), requests, FakeBucket(), payload_hash="f").request.answer


def test_a_repeated_key_with_another_payload_is_rejected_and_stores_nothing() -> None:
    requests, bucket = FakeRequests(), FakeBucket()
    submit(FakeImages(), requests, FakeBucket(), payload_hash="f")
    with pytest.raises(Conflict, match="Idempotency-Key"):
        submit(FakeImages(), requests, bucket, payload_hash="g")
    assert bucket.uploads == []


def test_of_two_concurrent_requests_with_one_key_and_different_payloads_one_is_rejected() -> None:
    class StaleRequests(FakeRequests):
        """A table in which neither request finds the other before it is stored."""

        def find(self, request_id: str) -> None:
            return None

    requests = StaleRequests()
    submit(FakeImages(), requests, FakeBucket(), payload_hash="f")
    with pytest.raises(Conflict):
        submit(FakeImages(), requests, FakeBucket(), payload_hash="g")


@pytest.mark.parametrize("image", [IMAGE, DECLARED], ids=["posted", "declared"])
def test_the_key_of_a_deleted_request_is_rejected_and_stores_nothing(image: ValidatedImage | DeclaredImage) -> None:
    requests, bucket = FakeRequests(deleted={"r"}), FakeBucket()
    with pytest.raises(Conflict, match="was deleted"):
        submit(FakeImages(), requests, bucket, image, payload_hash="f")
    assert (bucket.uploads, requests.stored) == ([], {})


@pytest.mark.parametrize(
    ("image", "key", "marks"),
    [
        (IMAGE, IMAGE.key, []),  # the stored request uses the same object
        (OTHER, OTHER.key, [f"mark {OTHER.hash} at {1000 + REQUEST_STORED_SECONDS}"]),
        (IMAGE, OWN_KEY, [f"mark {OWN_KEY} at {1000 + REQUEST_STORED_SECONDS}"]),
    ],
    ids=["the same object", "another image", "an object of its own"],
)
def test_bytes_that_were_stored_for_a_key_in_use_are_marked_unless_the_stored_request_uses_them(
    image: ValidatedImage, key: str, marks: list[str]
) -> None:
    class StaleRequests(FakeRequests):
        """A table in which a request is not found before it is stored."""

        def find(self, request_id: str) -> None:
            return None

    images, requests = FakeImages(), StaleRequests()
    submit(FakeImages(), requests, FakeBucket(), payload_hash="f")
    with pytest.raises(Conflict):
        submit(images, requests, FakeBucket(), image, payload_hash="g", image_key=key)
    assert images.steps == marks


def test_an_error_of_a_call_marks_nothing_because_the_request_may_be_stored() -> None:
    images = FakeImages()
    with pytest.raises(ConnectionError):
        submit(images, FakeRequests(put_error=ConnectionError()), FakeBucket())
    assert images.steps == []


# ---------------------------------------------------------------- expiry


@pytest.mark.parametrize(
    ("expires_at", "steps"),
    [
        (None, ["renew image"]),
        (WRITTEN_NOW, []),
        (WRITTEN_NOW - DAY_SECONDS, []),
        (WRITTEN_NOW - DAY_SECONDS - 1, ["renew image"]),
        (1001, ["renew image"]),
    ],
)
def test_the_expiry_of_a_known_image_is_extended_once_a_day(expires_at: float | None, steps: list[str]) -> None:
    images = FakeImages({IMAGE.hash: Image(IMAGE.hash, scan=SCAN, expires_at=expires_at)})
    assert submit(images, FakeRequests(), FakeBucket()).request.answer
    assert images.steps == steps


@pytest.mark.parametrize("expires_at", [1000, 1])
def test_an_expired_image_is_deleted_and_counts_as_unknown(expires_at: float) -> None:
    images, bucket = FakeImages({IMAGE.hash: Image(IMAGE.hash, scan=SCAN, expires_at=expires_at)}), FakeBucket()
    result = submit(images, FakeRequests(), bucket)
    assert (result.request.answer, result.items, images.steps) == (None, {}, ["remove image"])
    assert bucket.uploads == [f"{IMAGE.key} for r"]


def test_an_image_that_expires_while_it_is_renewed_counts_as_unknown() -> None:
    images = FakeImages({IMAGE.hash: Image(IMAGE.hash, scan=SCAN, expires_at=1001)}, is_renewable=False)
    assert submit(images, FakeRequests(), FakeBucket()).request.answer is None


@pytest.mark.parametrize(
    ("expires_at", "steps"),
    [
        (WRITTEN_NOW, []),
        (1001, ["renew possession"]),
        (1000, ["remove possession", "grant ann at 1000"]),
    ],
)
def test_the_possession_of_an_owner_expires_like_the_image(expires_at: float, steps: list[str]) -> None:
    possession = Possession("ann", IMAGE.hash, 10, "earlier", expires_at)
    image = Image(IMAGE.hash, scan=SCAN, expires_at=WRITTEN_NOW)
    images = FakeImages({IMAGE.hash: image}, possessed={possession.key: possession})
    assert submit(images, FakeRequests(), FakeBucket(), owner="ann").request.answer
    assert images.steps == steps


def test_an_expired_possession_does_not_answer_a_request_by_hash() -> None:
    possession = Possession("ann", DECLARED.hash, 10, "earlier", 1000)
    images = FakeImages({DECLARED.hash: Image(DECLARED.hash, scan=SCAN)}, possessed={possession.key: possession})
    result = submit(images, FakeRequests(), FakeBucket(), DECLARED, owner="ann")
    assert result.request.answer is None
    assert result.upload
