"""Submissions for several features, of images that are unknown, or that were scanned for some of them."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from imagescan.api import request_models
from imagescan.api.request_factory import new_request
from imagescan.domain.feature import Feature, item_key
from imagescan.domain.image import DeclaredImage, ValidatedImage, validate_image
from imagescan.domain.image_header import ImageType
from imagescan.domain.image_record import Image, Possession, Scan, Status
from imagescan.domain.policy import DAY_SECONDS
from imagescan.domain.scan_request import ScanRequest
from imagescan.settings import SubmitSettings
from imagescan.use_cases.submit_request import SubmitResult, submit_request
from testing.fakes import FakeBucket, FakeImages, FakeRequests
from testing.images import png

LABELS, MODERATION, TEXT = Feature
NOW = 10_000.0
IMAGE = validate_image(png(), ImageType.PNG)
DECLARED = DeclaredImage(IMAGE.hash, IMAGE.size, IMAGE.type)
OWN_KEY = f"uploads/r/{IMAGE.hash}.png"
SETTINGS = SubmitSettings(
    "images", "requests", "bucket", "cat", 90, 60, retention_days=30, counters_table="c", daily_limit_per_caller=0
)


def scanned(feature: Feature, scanned_for: str = "earlier", owner: str | None = None) -> Image:
    scan = Scan(Status.COMPLETED, NOW - 50, (), "3.0", scanned_for=scanned_for, owner=owner, feature=feature)
    return Image(item_key(IMAGE.hash, feature), first_leased_at=NOW - 60, scan=scan, expires_at=NOW + 99 * DAY_SECONDS)


def known(*items: Image, **state: Any) -> FakeImages:
    return FakeImages({item.key: item for item in items}, **state)


def requesting(image: ValidatedImage | DeclaredImage, owner: str | None = None, **fields: Any) -> ScanRequest:
    """Return the request ``r`` of a body with these fields."""
    body = request_models.read(request_models.SubmitBody, json.dumps({"fileType": "image/png", **fields}))
    request = new_request(image, body, caller=owner, idempotency_key=None, settings=SETTINGS, now=NOW)
    return replace(request, id="r", image_key=request.image_key.replace(request.id, "r"))


def submit(
    image: ValidatedImage | DeclaredImage,
    request: ScanRequest,
    images: FakeImages,
    bucket: FakeBucket,
    requests: FakeRequests | None = None,
) -> SubmitResult:
    return submit_request(
        request,
        image,
        images=images,
        requests=requests or FakeRequests(),
        bucket=bucket,
        now=NOW,
        retention_seconds=DAY_SECONDS,
    )


# ---------------------------------------------------------------- objects and reads


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({}, IMAGE.key),
        ({"label": "dog"}, IMAGE.key),
        ({"features": ["labels"]}, IMAGE.key),
        ({"text": ["sale"]}, OWN_KEY),
        ({"label": "dog", "features": ["moderation"]}, OWN_KEY),
    ],
)
def test_only_posted_bytes_of_requests_for_labels_share_an_object(fields: dict[str, Any], key: str) -> None:
    request, bucket = requesting(IMAGE, **fields), FakeBucket()
    assert (request.image_key, request.has_own_object, request.awaits_upload) == (key, key == OWN_KEY, False)
    assert submit(IMAGE, request, known(), bucket).request.answer is None
    assert bucket.uploads == [f"{key} for r"]


@pytest.mark.parametrize(
    ("image", "fields", "read"),
    [
        (IMAGE, {"label": "cat"}, [LABELS]),
        (IMAGE, {"text": ["sale"]}, [TEXT]),
        (IMAGE, {"label": "cat", "moderation": ["*"]}, [LABELS, MODERATION]),
        (DECLARED, {"label": "cat"}, [LABELS, MODERATION, TEXT]),
        (DECLARED, {"text": ["sale"]}, [LABELS, MODERATION, TEXT]),
    ],
)
def test_the_items_are_read_at_once_and_by_hash_those_of_all_features(
    image: ValidatedImage | DeclaredImage, fields: dict[str, Any], read: list[Feature]
) -> None:
    images = known()
    submit(image, requesting(image, **fields), images, FakeBucket())
    assert images.reads == [tuple(item_key(IMAGE.hash, feature) for feature in read)]


# ---------------------------------------------------------------- known images


def test_a_request_is_answered_immediately_if_all_of_its_features_are_known() -> None:
    bucket = FakeBucket()
    result = submit(IMAGE, requesting(IMAGE, label="cat", text=["sale"]), known(scanned(LABELS), scanned(TEXT)), bucket)
    assert result.request.answer
    assert [scan.feature for scan in result.request.answer.scans] == [LABELS, TEXT]
    assert bucket.uploads == []


def test_a_request_waits_if_one_of_its_features_is_not_known() -> None:
    bucket = FakeBucket()
    result = submit(IMAGE, requesting(IMAGE, label="cat", text=["sale"]), known(scanned(LABELS)), bucket)
    assert (result.request.answer, bucket.uploads) == (None, [f"{OWN_KEY} for r"])


@pytest.mark.parametrize("fields", [{"label": "cat"}, {"moderation": ["*"]}, {"label": "cat", "text": ["sale"]}])
def test_a_request_by_hash_has_the_bytes_copied_that_were_scanned_for_another_feature(fields: dict[str, Any]) -> None:
    bucket = FakeBucket(copies_from="earlier")
    result = submit(DECLARED, requesting(DECLARED, **fields), known(scanned(TEXT)), bucket)
    assert (result.request.answer, result.request.awaits_upload, result.upload) == (None, False, None)
    assert bucket.uploads == [f"{OWN_KEY} for r copied from earlier"]


def test_bytes_are_copied_before_the_request_is_stored() -> None:
    bucket, requests = FakeBucket(copies_from="earlier"), FakeRequests(put_error=ConnectionError())
    with pytest.raises(ConnectionError):
        submit(DECLARED, requesting(DECLARED, label="cat"), known(scanned(TEXT)), bucket, requests)
    assert bucket.uploads == [f"{OWN_KEY} for r copied from earlier"]


def test_a_repeated_key_copies_nothing_again() -> None:
    bucket, requests = FakeBucket(copies_from="earlier"), FakeRequests()
    request = replace(requesting(DECLARED, label="cat"), payload_hash="f")
    results = [submit(DECLARED, request, known(scanned(TEXT)), bucket, requests) for _ in range(2)]
    assert results[0] == results[1]
    assert len(bucket.uploads) == 1


def test_a_request_by_hash_whose_features_are_known_copies_nothing() -> None:
    bucket = FakeBucket(copies_from="earlier")
    result = submit(DECLARED, requesting(DECLARED, text=["sale"]), known(scanned(TEXT), scanned(LABELS)), bucket)
    assert result.request.answer
    assert (result.upload, bucket.uploads) == (None, [])


@pytest.mark.parametrize("images", [known(), known(scanned(TEXT, "purged")), known(Image(IMAGE.hash, attempts=1))])
def test_a_request_by_hash_needs_an_upload_if_no_scanned_bytes_are_stored(images: FakeImages) -> None:
    bucket = FakeBucket(copies_from="earlier")
    result = submit(DECLARED, requesting(DECLARED, label="cat"), images, bucket)
    assert (result.request.answer, bucket.uploads) == (None, [])
    assert result.upload
    assert result.upload.url.endswith(OWN_KEY)


# ---------------------------------------------------------------- possession

BOBS = Possession("bob", IMAGE.hash, NOW - 100, "bob's", expires_at=NOW + 99 * DAY_SECONDS)


def test_nothing_is_copied_for_an_owner_without_the_image() -> None:
    bucket = FakeBucket(copies_from="earlier")
    request = requesting(DECLARED, owner="bob", label="cat")
    result = submit(DECLARED, request, known(scanned(TEXT, owner="ann")), bucket)
    assert (result.request.answer, result.items, bucket.uploads) == (None, None, [])
    assert result.upload


@pytest.mark.parametrize(
    ("scan_owner", "copied_from"), [("bob", "earlier"), ("ann", "bob's")], ids=["own scan", "scan for another owner"]
)
def test_an_owner_with_the_image_gets_a_copy_of_their_own_bytes(scan_owner: str, copied_from: str) -> None:
    bucket = FakeBucket(copies_from=copied_from)
    images = known(scanned(TEXT, owner=scan_owner), possessed={BOBS.key: BOBS})
    result = submit(DECLARED, requesting(DECLARED, owner="bob", label="cat"), images, bucket)
    assert (result.request.answer, result.upload) == (None, None)
    assert bucket.uploads == [f"{OWN_KEY} for r copied from {copied_from}"]


def test_a_hash_alone_does_not_keep_the_items_of_another_owner() -> None:
    expiring = replace(scanned(TEXT, owner="ann"), expires_at=NOW + 1)
    images = known(expiring)
    submit(DECLARED, requesting(DECLARED, owner="bob", text=["sale"]), images, FakeBucket())
    assert images.steps == []


# ---------------------------------------------------------------- writes to the items


def test_only_the_items_of_requested_features_are_renewed() -> None:
    items = [replace(scanned(feature), expires_at=NOW + 1) for feature in Feature]
    images = known(*items)
    assert submit(DECLARED, requesting(DECLARED, text=["sale"]), images, FakeBucket()).request.answer
    assert images.steps == ["renew image"]


def test_an_expired_item_of_one_feature_is_deleted_and_counts_as_unknown() -> None:
    images = known(scanned(LABELS), replace(scanned(TEXT), expires_at=NOW))
    result = submit(IMAGE, requesting(IMAGE, label="cat", text=["sale"]), images, FakeBucket())
    assert (result.request.answer, images.steps) == (None, ["remove image"])
    assert result.items is not None
    assert result.items.keys() == {LABELS}


def test_only_the_exhausted_feature_is_reopened() -> None:
    @dataclass
    class RecordingImages(FakeImages):
        reopened: list[str] = field(default_factory=list)

        def reopen(self, image: Image) -> None:
            self.reopened.append(image.key)

    exhausted = Image(item_key(IMAGE.hash, TEXT), 5, exhausted_at=(NOW - 60,), is_exhausted=True)
    images = RecordingImages({IMAGE.hash: scanned(LABELS), exhausted.key: exhausted})
    submit(IMAGE, requesting(IMAGE, label="cat", text=["sale"]), images, FakeBucket())
    assert images.reopened == [exhausted.key]


def test_an_exhausted_feature_that_is_not_requested_stays_exhausted() -> None:
    exhausted = Image(item_key(IMAGE.hash, TEXT), 5, exhausted_at=(NOW - 60,), is_exhausted=True)
    images = known(exhausted)
    submit(DECLARED, requesting(DECLARED, label="cat"), images, FakeBucket())
    assert images.steps == []


def test_a_request_whose_bytes_cannot_be_copied_expects_an_upload_and_reports_the_error() -> None:
    class BrokenBucket(FakeBucket):
        def copy_scanned(self, image: DeclaredImage, scanned_for: str | None, request: ScanRequest) -> bool:
            raise ConnectionError

    result = submit(DECLARED, requesting(DECLARED, label="cat"), known(scanned(TEXT)), BrokenBucket())
    assert (result.request.awaits_upload, type(result.copy_error)) == (True, ConnectionError)
    assert result.upload
