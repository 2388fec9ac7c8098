"""Many at once, listings and deletion, on the deployed stack."""

import hashlib
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.client import Client, question
from local.control import RekognitionControl
from local.stack import Stack


@pytest.fixture
def http(stack: Stack) -> httpx.Client:
    return httpx.Client(base_url=stack.api_url, timeout=60)


def announced(content: bytes, **fields: Any) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "fileType": "image/jpeg"} | fields


def test_many_are_announced_at_once_and_the_known_ones_answered(
    http: httpx.Client, api: Client, fresh_picture: Path, rekognition: RekognitionControl
) -> None:
    known, fresh = fresh_picture.read_bytes(), fresh_picture.read_bytes() + b"more"
    api.ask(fresh_picture)
    entries = [
        announced(known, label="cat"),
        announced(fresh, label="car", idempotency_key=str(uuid.uuid4())),
        announced(fresh, label=""),
    ]
    one, other, wrong = http.post("/scanrequests", json={"entries": entries}).json()["results"]
    assert (one["status_code"], one["request"]["label_matched"]) == (200, True)
    assert (wrong["status_code"], wrong["error"]["code"]) == (400, "invalid_label")
    upload = other["request"]["upload"]
    assert httpx.put(upload["url"], content=fresh, headers=upload["headers"], timeout=60).status_code == 200
    answer = api.wait(other["request"])
    assert answer["label_matched"] is False
    assert rekognition.calls()["total"] == 2
    [again] = http.post("/scanrequests", json={"entries": entries[1:2]}).json()["results"]
    assert (again["status_code"], again["request"]["request_id"]) == (200, answer["request_id"])
    ids = [one["request"]["request_id"], str(uuid.uuid4()), answer["request_id"]]
    first, unknown, last = http.get("/scanrequests", params={"ids": ",".join(ids)}).json()["results"]
    assert first["request"]["labels"]
    assert (unknown["status_code"], unknown["error"]["code"]) == (404, "request_not_found")
    assert last["request"] == answer


def test_requests_are_listed_newest_first_page_by_page(http: httpx.Client, api: Client, samples: Path) -> None:
    reference = "of this listing"
    ids = [api.post(question(samples / "cat.jpg") | {"reference": reference}).json()["request_id"] for _ in range(5)]
    found, cursor = [], None
    for _ in range(3):
        page = http.get("/scanrequests", params={"limit": "2"} | ({"cursor": cursor} if cursor else {})).json()
        found += [each["request_id"] for each in page["requests"]]
        cursor = page["cursor"]
    assert found[:5] == ids[::-1]


def test_a_list_is_of_those_that_stand_so_asked_so_and_were_made_since(
    http: httpx.Client, api: Client, samples: Path, fresh_picture: Path
) -> None:
    label = f"cat {uuid.uuid4()}"
    first, second = (api.ask(samples / "cat.jpg", label) for _ in range(2))
    awaited = api.post(announced(fresh_picture.read_bytes(), label=label)).json()

    def listed(**wanted: str) -> list[str]:
        page = http.get("/scanrequests", params={"label": label} | wanted).json()
        return [each["request_id"] for each in page["requests"]]

    newest_first = [each["request_id"] for each in (awaited, second, first)]
    assert listed() == listed(label=label.upper()) == newest_first
    assert (listed(status="pending"), listed(status="completed")) == (newest_first[:1], newest_first[1:])
    assert listed(**{"from": second["created_at"]}) == newest_first[:2]
    assert listed(**{"from": second["created_at"], "status": "completed"}) == newest_first[1:2]


def test_a_deleted_request_is_gone(http: httpx.Client, api: Client, fresh_picture: Path) -> None:
    path = f"/scanrequest/{api.ask(fresh_picture)['request_id']}"
    assert http.delete(path).status_code == 204
    assert http.get(path).status_code == http.delete(path).status_code == 404
    listed = http.get("/scanrequests", params={"limit": "100"}).json()["requests"]
    assert path.removeprefix("/scanrequest/") not in {each["request_id"] for each in listed}
