from dataclasses import replace

import botocore.session
import pytest
from botocore.exceptions import ClientError

from imagescan.aws import clients
from imagescan.aws.image_bucket import ImageBucket
from imagescan.domain.image import (
    DeclaredImage,
    StoredObject,
    ValidatedImage,
    object_key,
    upload_key,
    validate_image,
)
from imagescan.domain.image_header import ImageType
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest
from testing.functions import image_bytes
from testing.moto_environment import MotoEnvironment, hash_of
from testing.resources import BUCKET

PART = bytes(5 * 1024 * 1024)  # minimum size of all parts except the last


def request_for(image: ValidatedImage | DeclaredImage, request_id: str = "a-request") -> ScanRequest:
    is_upload = isinstance(image, DeclaredImage)
    key = upload_key(request_id, image.hash, image.type) if is_upload else object_key(image.hash, image.type)
    return ScanRequest(request_id, image.hash, key, Question(("cat",), 90.0), 0.0, 3600.0, is_upload)


@pytest.fixture
def bucket(env: MotoEnvironment) -> ImageBucket:
    assert env.transport.calls == []
    return ImageBucket(clients.s3(), BUCKET)


@pytest.fixture
def image() -> ValidatedImage:
    return validate_image(image_bytes(), ImageType.PNG)


def test_find_returns_a_stored_image(bucket: ImageBucket, image: ValidatedImage, env: MotoEnvironment) -> None:
    bucket.put(image, request_for(image))
    stored = env.resources.s3.get_object(Bucket=BUCKET, Key=image.key)
    assert stored["Body"].read() == image.content
    assert stored["ContentType"] == "image/png"
    uploaded_at = stored["LastModified"].timestamp()
    assert image.content_hash
    assert bucket.find(image.key) == StoredObject(
        image.key, stored["VersionId"], image.hash, "a-request", uploaded_at, image.content_hash
    )


@pytest.mark.parametrize(
    ("endpoint", "url_prefix"),
    [
        (None, f"https://{BUCKET}.s3.eu-central-1.amazonaws.com/uploads/a-request/"),
        ("http://host.docker.internal:4566", f"http://host.docker.internal:4566/{BUCKET}/uploads/a-request/"),
    ],
    ids=["AWS", "an emulator"],
)
def test_an_upload_url_has_the_regional_host_or_the_emulator(
    image: ValidatedImage, monkeypatch: pytest.MonkeyPatch, endpoint: str | None, url_prefix: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    if endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setattr(clients, "_session", botocore.session.get_session)  # a session without a cached region
    declared = DeclaredImage(image.hash, len(image.content), image.type)
    upload = ImageBucket(clients.s3.__wrapped__(), BUCKET).presign_upload(declared, request_for(declared), now=0)
    assert upload.url.startswith(url_prefix)


def test_bytes_that_do_not_match_the_hash_are_rejected(bucket: ImageBucket, image: ValidatedImage) -> None:
    with pytest.raises(ClientError, match="BadDigest"):
        bucket.put(replace(image, content=image.content + b"!"), request_for(image))
    assert bucket.find(image.key) is None


def test_find_returns_the_latest_version(bucket: ImageBucket, image: ValidatedImage) -> None:
    bucket.put(image, request_for(image, "first"))
    before = bucket.find(image.key)
    bucket.put(image, request_for(image, "second"))
    after = bucket.find(image.key)
    assert before
    assert after
    assert after.request_id == "second"
    assert after.version != before.version


def test_find_returns_none_for_a_missing_object(
    bucket: ImageBucket, image: ValidatedImage, env: MotoEnvironment
) -> None:
    assert bucket.find(image.key) is None
    bucket.put(image, request_for(image))
    env.resources.s3.delete_object(Bucket=BUCKET, Key=image.key)
    assert bucket.find(image.key) is None


def test_find_raises_an_error_for_an_object_that_it_cannot_read(
    bucket: ImageBucket, image: ValidatedImage, env: MotoEnvironment
) -> None:
    env.transport.fail("GetObject", "403", 403)
    with pytest.raises(ClientError):
        bucket.find(image.key)


def test_find_hashes_an_object_without_a_checksum(
    bucket: ImageBucket, image: ValidatedImage, env: MotoEnvironment
) -> None:
    env.resources.s3.put_object(Bucket=BUCKET, Key=image.key, Body=image.content)
    found = bucket.find(image.key)
    assert found
    assert (found.hash, found.request_id) == (image.hash, None)


def test_find_hashes_a_multipart_object(bucket: ImageBucket, image: ValidatedImage, env: MotoEnvironment) -> None:
    """The checksum of a multipart object is a checksum of the checksums of its parts."""
    upload = {"Bucket": BUCKET, "Key": image.key}
    s3 = env.resources.s3
    kind = {"ChecksumAlgorithm": "SHA256", "ChecksumType": "COMPOSITE"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, **kind)["UploadId"]
    parts = [
        s3.upload_part(**upload, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256") | {"PartNumber": number}
        for number, body in enumerate((PART, b"the rest"), start=1)
    ]
    names = ("PartNumber", "ETag", "ChecksumSHA256")
    completed = [{name: part[name] for name in names} for part in parts]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": completed})
    found = bucket.find(image.key)
    assert found
    assert found.hash == hash_of(PART + b"the rest")
