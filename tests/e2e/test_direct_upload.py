"""Large pictures go straight to S3, which itself refuses other bytes."""

import hashlib
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.client import Client, RequestJson
from local.control import RekognitionControl
from local.stack import Stack
from testing.images import jpeg, png


def announced(content: bytes, file_type: str = "image/jpeg", **fields: Any) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "fileType": file_type} | fields


def send(answer: RequestJson, content: bytes, **headers: str) -> httpx.Response:
    upload = answer["upload"]
    return httpx.put(upload["url"], content=content, headers=upload["headers"] | headers, timeout=60)


@pytest.fixture
def large_picture(samples: Path) -> bytes:
    """12 MB that decode as the sample cat: a decoder stops reading where the picture ends."""
    picture = (samples / "cat.jpg").read_bytes()
    return picture + uuid.uuid4().bytes + bytes(12_000_000 - len(picture) - 16)


def test_a_picture_of_12_mb_is_scanned_through_the_presigned_path(
    api: Client, large_picture: bytes, rekognition: RekognitionControl
) -> None:
    response = api.post(announced(large_picture))
    assert response.status_code == 202
    assert send(response.json(), large_picture).status_code == 200
    answer = api.wait(response.json())
    assert (answer["label_matched"], answer["scan_reused"]) == (True, False)
    assert rekognition.calls_for(answer["image_hash"]) == 1


def test_a_known_picture_is_answered_at_once_with_no_upload_at_all(api: Client, fresh_image: Path) -> None:
    api.ask(fresh_image)
    response = api.post(announced(fresh_image.read_bytes()))
    assert (response.status_code, response.json()["upload"], response.json()["label_matched"]) == (200, None, True)


@pytest.mark.parametrize(
    ("tamper", "headers"),
    [
        (lambda content: content[:-1] + b"x", {}),
        (lambda content: content + b"x", {}),
        (lambda content: content[:-1], {}),
        (lambda content: content, {"Content-Type": "image/png"}),
        (lambda content: content, {"x-amz-checksum-sha256": "A" * 43 + "="}),
        (lambda content: content, {"x-amz-meta-request-id": "somebody-else"}),
    ],
    ids=["another byte", "longer", "shorter", "another type", "another checksum", "another request"],
)
def test_s3_refuses_other_bytes_than_were_announced(
    api: Client, fresh_image: Path, stack: Stack, tamper: Any, headers: dict[str, str]
) -> None:
    content = fresh_image.read_bytes()
    answer = api.post(announced(content)).json()
    assert send(answer, tamper(content), **headers).status_code in {400, 403}
    listed = stack.client("s3").list_objects_v2(
        Bucket=stack.outputs()["ImagesBucket"], Prefix=f"images/{answer['image_hash']}"
    )
    assert listed["KeyCount"] == 0


def test_an_uploaded_picture_that_is_too_small_fails_with_that_reason(api: Client) -> None:
    content = png(40, 40, shade=uuid.uuid4().int, pixels=True)
    answer = api.post(announced(content, "image/png")).json()
    assert send(answer, content).status_code == 200
    assert api.wait(answer)["failure"]["code"] == "image_too_small"


def test_an_upload_that_is_awaited_stays_pending(api: Client) -> None:
    answer = api.post(announced(jpeg(200, 200) + uuid.uuid4().bytes)).json()
    again = api.get(answer["request_id"]).json()
    assert (again["status"], again["label_matched"], again["upload"]) == ("pending", None, None)


def test_a_picture_over_15_mb_is_refused_before_it_is_sent(api: Client) -> None:
    response = api.post({"sha256": "ab" * 32, "size": 15 * 1024 * 1024 + 1, "fileType": "image/jpeg"})
    assert (response.status_code, response.json()["code"]) == (413, "file_too_large")
