"""From an image file to the right answer, on the deployed stack."""

import base64
import hashlib
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urljoin

import pytest

from local.client import Client, RequestJson, question
from local.control import RekognitionControl
from local.stack import Stack
from testing.images import jpeg, png


@pytest.mark.parametrize(
    ("image", "label", "matched_by"),
    [
        ("cat.jpg", "cat", "name"),
        ("cat.jpg", " MAMMAL ", "name"),
        ("cat-small.png", None, "name"),
        ("grace_hopper.jpg", "human", "alias"),
        ("motorcycle.jpg", "vehicles and automotive", "category"),
    ],
)
def test_an_image_that_shows_the_label_matches(
    api: Client, samples: Path, image: str, label: str | None, matched_by: str
) -> None:
    answer = api.ask(samples / image, label)
    assert (answer["status"], answer["label_matched"]) == ("completed", True)
    assert answer["match"]["matched_by"] == matched_by
    assert answer["match"]["confidence"] >= 90


def test_an_image_without_the_label_does_not_match_and_has_closest_labels(api: Client, samples: Path) -> None:
    answer = api.ask(samples / "cat.jpg", "car")
    assert (answer["status"], answer["label_matched"], answer["match"]) == ("completed", False, None)
    assert "Cat" in {label["name"] for label in answer["closest_labels"]}


def test_a_response_contains_boxes_times_and_the_model_version(api: Client, samples: Path) -> None:
    answer = api.ask(samples / "cat.jpg")
    [box] = answer["match"]["boxes"]
    assert all(0 <= box[side] <= 1 for side in ("left", "top", "width", "height"))
    assert answer["image_hash"] == hashlib.sha256((samples / "cat.jpg").read_bytes()).hexdigest()
    assert answer["model_version"] == "3.0"
    assert answer["created_at"] < answer["deadline"]


def test_a_new_image_is_accepted_with_location_and_retry_after(api: Client, fresh_image: Path, stack: Stack) -> None:
    response = api.post(question(fresh_image))
    assert response.status_code == 202
    assert response.headers["Retry-After"] == "1"
    assert response.json()["label_matched"] is None
    assert urljoin(f"{stack.api_url}/scanrequest", response.headers["Location"]).endswith(
        f"/scanrequest/{response.json()['request_id']}"
    )
    api.wait(response.json())


def test_a_known_image_is_answered_immediately_without_a_new_object_or_call(
    api: Client, rekognition: RekognitionControl, fresh_image: Path, stack: Stack
) -> None:
    first = api.ask(fresh_image)
    versions = _versions(stack, first["image_hash"])
    response = api.post(question(fresh_image, "dog"))
    assert (response.status_code, response.json()["status"]) == (200, "completed")
    assert response.json()["scan_reused"] is True
    assert _versions(stack, first["image_hash"]) == versions
    assert rekognition.calls_for(first["image_hash"]) == 1


def test_twenty_concurrent_submissions_of_an_image_make_one_call_and_complete(
    api: Client, rekognition: RekognitionControl, fresh_image: Path
) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: api.ask(fresh_image), range(20)))
    assert {answer["status"] for answer in answers} == {"completed"}
    assert len({answer["request_id"] for answer in answers}) == 20
    assert [answer["scan_reused"] for answer in answers].count(False) <= 1
    assert rekognition.calls_for(answers[0]["image_hash"]) == 1


def test_a_settled_request_returns_the_same_response(api: Client, fresh_image: Path, stack: Stack) -> None:
    answer = api.ask(fresh_image)
    _wait_until_settled(stack, answer["request_id"])
    assert api.get(answer["request_id"]).json() == answer


@pytest.mark.parametrize(
    ("debug", "shown"), [("Y", True), ("y", True), ("yes", True), ("no", False), ("0", False), ("", False)]
)
def test_debug_data_is_returned_on_request(api: Client, samples: Path, debug: str, shown: bool) -> None:
    answer = api.ask(samples / "cat.jpg")
    assert ("debug_data" in api.get(answer["request_id"], debugData=debug).json()) is shown


@pytest.mark.parametrize(
    ("content", "declared", "status", "code"),
    [
        (b"This is a text file named .jpg", "image/jpeg", 415, "unsupported_type"),
        (png(), "image/jpeg", 415, "type_mismatch"),
        (png(), "image/gif", 415, "unsupported_type"),
        (b"", "image/png", 400, "empty_file"),
        (png(79, 79), "image/png", 400, "image_too_small"),
        (jpeg(10_001, 100), "image/jpeg", 400, "image_dimensions_too_large"),
        (png()[:20], "image/png", 400, "damaged_image"),
        (png() + bytes(4_500_000), "image/png", 413, "file_too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_invalid_images_are_rejected_with_a_code_and_a_sentence(
    api: Client, content: bytes, declared: str, status: int, code: str
) -> None:
    response = api.post({"file": base64.b64encode(content).decode(), "fileType": declared})
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["message"].endswith(".")
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_an_unknown_id_is_not_found(api: Client) -> None:
    response = api.get("00000000-0000-4000-8000-000000000000")
    assert (response.status_code, response.json()["code"]) == (404, "request_not_found")
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_a_preflight_returns_the_cors_headers(stack: Stack) -> None:
    printed = subprocess.run(  # noqa: S603 - fixed command
        ["curl", "-si", "-X", "OPTIONS", f"{stack.api_url}/scanrequest"],  # noqa: S607 - curl as users call it
        capture_output=True,
        text=True,
        check=True,
    ).stdout.lower()
    assert "access-control-allow-methods: delete,get,post,options" in printed
    assert "access-control-allow-origin: *" in printed


def test_an_image_that_rekognition_cannot_decode_fails_without_an_answer(api: Client) -> None:
    undecodable = png(200, 200, shade=time.time_ns())
    submitted = api.post({"file": base64.b64encode(undecodable).decode(), "fileType": "image/png"}).json()
    answer = api.wait(submitted)
    assert (answer["status"], answer["label_matched"]) == ("failed", None)
    assert answer["failure"]["code"] == "image_invalid"


def _versions(stack: Stack, image_hash: str) -> int:
    response = stack.client("s3").list_object_versions(
        Bucket=stack.outputs()["ImagesBucket"], Prefix=f"images/{image_hash}"
    )
    return len(response.get("Versions", []))


def _wait_until_settled(stack: Stack, request_id: str) -> None:
    table, end = stack.outputs()["RequestsTable"], time.monotonic() + 20
    while time.monotonic() < end:
        item: RequestJson = stack.client("dynamodb").get_item(TableName=table, Key={"request_id": {"S": request_id}})[
            "Item"
        ]
        if item["status"]["S"] != "pending":
            return
        time.sleep(0.2)
    raise TimeoutError(f"request {request_id} was not settled")
