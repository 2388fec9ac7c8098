"""Batch requests, lists and deletion, on the deployed stack."""

import hashlib
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.client import Client, question
from local.control import RekognitionControl
from local.stack import Stack
from testing.image_variants import with_new_content


@pytest.fixture
def http(stack: Stack) -> httpx.Client:
    return httpx.Client(base_url=stack.api_url, timeout=60)


def declared(content: bytes, **fields: Any) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "fileType": "image/jpeg"} | fields


def test_a_batch_answers_known_images_and_returns_uploads_for_new_ones(
    http: httpx.Client, api: Client, samples: Path, fresh_image: Path, rekognition: RekognitionControl
) -> None:
    known, new = fresh_image.read_bytes(), with_new_content((samples / "cat.jpg").read_bytes())
    api.ask(fresh_image)
    entries = [
        declared(known, label="cat"),
        declared(new, label="car", idempotency_key=str(uuid.uuid4())),
        declared(new, label=""),
    ]
    known_result, new_result, invalid_result = http.post("/scanrequests", json={"entries": entries}).json()["results"]
    assert (known_result["status_code"], known_result["request"]["label_matched"]) == (200, True)
    assert (invalid_result["status_code"], invalid_result["error"]["code"]) == (400, "invalid_label")
    upload = new_result["request"]["upload"]
    assert httpx.put(upload["url"], content=new, headers=upload["headers"], timeout=60).status_code == 200
    answer = api.wait(new_result["request"])
    assert answer["label_matched"] is False
    assert rekognition.calls()["total"] == 2
    [again] = http.post("/scanrequests", json={"entries": entries[1:2]}).json()["results"]
    assert (again["status_code"], again["request"]["request_id"]) == (200, answer["request_id"])
    ids = [known_result["request"]["request_id"], str(uuid.uuid4()), answer["request_id"]]
    first, unknown, last = http.get("/scanrequests", params={"ids": ",".join(ids)}).json()["results"]
    assert first["request"]["labels"]
    assert (unknown["status_code"], unknown["error"]["code"]) == (404, "request_not_found")
    assert last["request"] == answer


def test_requests_are_listed_newest_first_page_by_page(http: httpx.Client, api: Client, samples: Path) -> None:
    reference = "list test"
    ids = [api.post(question(samples / "cat.jpg") | {"reference": reference}).json()["request_id"] for _ in range(5)]
    found, cursor = [], None
    for _ in range(3):
        page = http.get("/scanrequests", params={"limit": "2"} | ({"cursor": cursor} if cursor else {})).json()
        found += [each["request_id"] for each in page["requests"]]
        cursor = page["next_cursor"]
    assert found[:5] == ids[::-1]


def test_a_list_is_filtered_by_status_label_and_time(
    http: httpx.Client, api: Client, samples: Path, fresh_image: Path
) -> None:
    label = f"cat {uuid.uuid4()}"
    first, second = (api.ask(samples / "cat.jpg", label) for _ in range(2))
    pending = api.post(declared(fresh_image.read_bytes(), label=label)).json()

    def list_ids(**filters: str) -> list[str]:
        page = http.get("/scanrequests", params={"label": label} | filters).json()
        return [each["request_id"] for each in page["requests"]]

    newest_first = [each["request_id"] for each in (pending, second, first)]
    assert list_ids() == list_ids(label=label.upper()) == newest_first
    assert (list_ids(status="pending"), list_ids(status="completed")) == (newest_first[:1], newest_first[1:])
    assert list_ids(created_after=second["created_at"]) == newest_first[:2]
    assert list_ids(created_after=second["created_at"], status="completed") == newest_first[1:2]


def test_a_deleted_request_is_not_found(http: httpx.Client, api: Client, fresh_image: Path) -> None:
    path = f"/scanrequest/{api.ask(fresh_image)['request_id']}"
    assert http.delete(path).status_code == 204
    assert http.get(path).status_code == http.delete(path).status_code == 404
    list_ids = http.get("/scanrequests", params={"limit": "100"}).json()["requests"]
    assert path.removeprefix("/scanrequest/") not in {each["request_id"] for each in list_ids}
