"""Direct uploads of large images to S3, which rejects other bytes."""

import hashlib
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from local.client import Client, RequestJson
from local.control import RekognitionControl
from local.stack import Stack
from testing.image_variants import with_new_content
from testing.images import jpeg, png


def declared(content: bytes, file_type: str = "image/jpeg", **fields: Any) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "fileType": file_type} | fields


def upload_to_s3(answer: RequestJson, content: bytes, **headers: str) -> httpx.Response:
    upload = answer["upload"]
    return httpx.put(upload["url"], content=content, headers=upload["headers"] | headers, timeout=60)


@pytest.fixture
def large_image(samples: Path) -> bytes:
    """Return 12 MB that decode as the sample cat. Decoders ignore the bytes after the end of the image."""
    return with_new_content((samples / "cat.jpg").read_bytes()).ljust(12_000_000)


def test_an_image_of_12_mb_is_uploaded_directly_and_scanned(
    api: Client, large_image: bytes, rekognition: RekognitionControl
) -> None:
    response = api.post(declared(large_image))
    assert response.status_code == 202
    assert upload_to_s3(response.json(), large_image).status_code == 200
    answer = api.wait(response.json())
    assert (answer["label_matched"], answer["scan_reused"]) == (True, False)
    assert rekognition.calls_for(answer["image_hash"]) == 1


def test_a_known_image_is_answered_immediately_without_an_upload(api: Client, fresh_image: Path) -> None:
    api.ask(fresh_image)
    response = api.post(declared(fresh_image.read_bytes()))
    assert (response.status_code, response.json()["upload"], response.json()["label_matched"]) == (200, None, True)


@pytest.mark.parametrize(
    ("tamper", "headers"),
    [
        (lambda content: content[:-1] + b"x", {}),
        (lambda content: content + b"x", {}),
        (lambda content: content[:-1], {}),
        (lambda content: content, {"Content-Type": "image/png"}),
        (lambda content: content, {"x-amz-checksum-sha256": "A" * 43 + "="}),
        (lambda content: content, {"x-amz-meta-request-id": "another-request"}),
    ],
    ids=["another byte", "longer", "shorter", "another type", "another checksum", "another request"],
)
def test_s3_rejects_uploads_that_differ_from_the_declared_image(
    api: Client, fresh_image: Path, stack: Stack, tamper: Any, headers: dict[str, str]
) -> None:
    content = fresh_image.read_bytes()
    answer = api.post(declared(content)).json()
    assert upload_to_s3(answer, tamper(content), **headers).status_code in {400, 403}
    response = stack.client("s3").list_objects_v2(
        Bucket=stack.outputs()["ImagesBucket"], Prefix=f"uploads/{answer['request_id']}/"
    )
    assert response["KeyCount"] == 0


def test_a_presigned_url_stores_one_object_however_often_it_is_used(
    api: Client, fresh_image: Path, stack: Stack
) -> None:
    content = fresh_image.read_bytes()
    answer = api.post(declared(content)).json()
    assert [upload_to_s3(answer, content).status_code for _ in range(3)] == [200, 412, 412]
    assert upload_to_s3(answer, content, **{"If-None-Match": '"another"'}).status_code == 403  # it is signed
    versions = stack.client("s3").list_object_versions(
        Bucket=stack.outputs()["ImagesBucket"], Prefix=f"uploads/{answer['request_id']}/"
    )
    assert len(versions["Versions"]) == 1
    assert api.wait(answer)["status"] == "completed"


def test_an_upload_after_the_deletion_of_its_request_is_not_scanned(
    api: Client, fresh_image: Path, stack: Stack, rekognition: RekognitionControl
) -> None:
    content = fresh_image.read_bytes()
    answer = api.post(declared(content)).json()
    assert httpx.delete(f"{stack.api_url}/scanrequest/{answer['request_id']}", timeout=60).status_code == 204
    assert upload_to_s3(answer, content).status_code == 200
    _wait_until_marked_again(stack, urlsplit(answer["upload"]["url"]).path.partition("/uploads/")[2])
    assert rekognition.calls_for(answer["image_hash"]) == 0
    assert api.get(answer["request_id"]).status_code == 404


def _wait_until_marked_again(stack: Stack, upload: str) -> None:
    """Wait until the scanner has marked the upload, after the deletion did."""
    key = {"image_hash": {"S": f"uploads/{upload}"}}
    end = time.monotonic() + 60
    while time.monotonic() < end:
        item = stack.client("dynamodb").get_item(TableName=stack.outputs()["ImagesTable"], Key=key)["Item"]
        if item["covers_until"] != item["marked_at"]:
            return
        time.sleep(0.2)
    raise TimeoutError("the scanner did not mark the upload")


def test_an_uploaded_image_that_is_too_small_fails(api: Client) -> None:
    content = png(40, 40, shade=uuid.uuid4().int, pixels=True)
    answer = api.post(declared(content, "image/png")).json()
    assert upload_to_s3(answer, content).status_code == 200
    assert api.wait(answer)["failure"]["code"] == "image_too_small"


def test_a_request_without_an_upload_stays_pending(api: Client) -> None:
    answer = api.post(declared(jpeg(200, 200) + uuid.uuid4().bytes)).json()
    again = api.get(answer["request_id"]).json()
    assert (again["status"], again["label_matched"], again["upload"]) == ("pending", None, None)


def test_an_image_over_15_mb_is_rejected_before_the_upload(api: Client) -> None:
    response = api.post({"sha256": "ab" * 32, "size": 15 * 1024 * 1024 + 1, "fileType": "image/jpeg"})
    assert (response.status_code, response.json()["code"]) == (413, "file_too_large")
