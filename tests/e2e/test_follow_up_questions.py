"""Several labels, references, idempotency keys, follow-up questions and conditional requests, on the deployed stack."""

import hashlib
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from local.client import Client, question
from local.control import RekognitionControl
from local.stack import Stack


@pytest.fixture
def http(stack: Stack) -> httpx.Client:
    return httpx.Client(base_url=stack.api_url, timeout=60)


def test_each_label_has_a_result(api: Client, samples: Path) -> None:
    body = question(samples / "cat.jpg") | {"labels": ["feline", "car"], "match_mode": "all", "reference": "order 7"}
    answer = api.wait(api.post(body).json())
    feline, car = answer["results"]
    assert (answer["label_matched"], answer["match_mode"], answer["reference"]) == (False, "all", "order 7")
    assert (feline["matched"], feline["match"]["matched_by"], car["matched"]) == (True, "alias", False)
    assert len(car["closest_labels"]) == 3


@pytest.mark.parametrize(("match_mode", "matched"), [("any", True), ("all", False), ("none", False)])
def test_the_match_mode_combines_the_labels(api: Client, samples: Path, match_mode: str, matched: bool) -> None:
    body = question(samples / "cat.jpg") | {"labels": ["cat", "car"], "match_mode": match_mode}
    assert api.wait(api.post(body).json())["label_matched"] is matched


def test_concurrent_requests_with_the_same_key_are_one_request(
    http: httpx.Client, fresh_image: Path, rekognition: RekognitionControl, api: Client
) -> None:
    body, headers = question(fresh_image), {"Idempotency-Key": fresh_image.parent.name}

    def post(_: int) -> httpx.Response:
        return http.post("/scanrequest", json=body, headers=headers)

    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(post, range(8)))
    assert {response.status_code for response in responses} <= {200, 202}
    assert len({response.json()["request_id"] for response in responses}) == 1
    answer = api.wait(responses[0].json())
    assert rekognition.calls_for(answer["image_hash"]) == 1
    rejected = http.post("/scanrequest", json=body | {"label": "dog"}, headers=headers)
    assert (rejected.status_code, rejected.json()["code"]) == (409, "idempotency_key_reused")


def test_concurrent_requests_with_the_same_key_before_the_upload_are_one_request(
    http: httpx.Client, fresh_image: Path, rekognition: RekognitionControl, api: Client
) -> None:
    content, label, headers = fresh_image.read_bytes(), f"cat {uuid.uuid4()}", {"Idempotency-Key": str(uuid.uuid4())}
    image_hash = hashlib.sha256(content).hexdigest()
    body = {"sha256": image_hash, "size": len(content), "fileType": "image/jpeg", "label": label}
    with ThreadPoolExecutor(2) as pool:
        responses = list(pool.map(lambda _: http.post("/scanrequest", json=body, headers=headers), range(2)))
    assert [response.status_code for response in responses] == [202, 202]
    uploads = [response.json()["upload"] for response in responses]
    sent = [httpx.put(each["url"], content=content, headers=each["headers"], timeout=60) for each in uploads]
    assert [response.status_code for response in sent] == [200, 412]
    answer = api.wait(responses[0].json())
    listed = http.get("/scanrequests", params={"label": label}).json()["requests"]
    assert [each["request_id"] for each in listed] == [response.json()["request_id"] for response in responses[:1]]
    assert responses[1].json()["request_id"] == answer["request_id"]
    assert (answer["status"], rekognition.calls_for(image_hash)) == ("completed", 1)


def test_a_reference_of_1024_bytes_is_returned_unchanged(http: httpx.Client, api: Client, samples: Path) -> None:
    reference = "é" * 511 + '\n"'
    sent = api.post(question(samples / "cat.jpg") | {"reference": reference}).json()
    [summary] = http.get("/scanrequests", params={"limit": "1"}).json()["requests"]
    assert {each["reference"] for each in (sent, api.wait(sent), summary)} == {reference}
    rejected = api.post(question(samples / "cat.jpg") | {"reference": reference + "x"})
    assert (rejected.status_code, "1,024 bytes" in rejected.json()["message"]) == (400, True)


def test_a_follow_up_question_makes_no_scan(
    http: httpx.Client, api: Client, fresh_image: Path, rekognition: RekognitionControl
) -> None:
    answer = api.ask(fresh_image)
    path = f"/scanrequest/{answer['request_id']}/questions"
    body = http.post(path, json={"labels": ["mammal", "car"], "match_mode": "any"}).json()
    assert (body["label_matched"], [each["matched"] for each in body["results"]]) == (True, [True, False])
    assert rekognition.calls_for(answer["image_hash"]) == 1
    assert api.get(answer["request_id"]).json()["label"] == "cat"


def test_an_unchanged_response_is_not_sent_again(http: httpx.Client, api: Client, samples: Path) -> None:
    path = f"/scanrequest/{api.ask(samples / 'cat.jpg')['request_id']}"
    first = http.get(path)
    assert first.headers["Cache-Control"] == "private, max-age=3600"
    again = http.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert http.get(path, headers={"If-None-Match": '"another"'}).status_code == 200


def test_errors_follow_rfc_9457_for_clients_that_accept_it(http: httpx.Client) -> None:
    plain = http.get("/scanrequest/unknown")
    problem = http.get("/scanrequest/unknown", headers={"Accept": "application/problem+json, application/json"})
    assert plain.headers["Content-Type"] == "application/json"
    assert problem.headers["Content-Type"] == "application/problem+json"
    assert problem.json() == {"title": "Not Found", "status": 404, "detail": plain.json()["message"], **plain.json()}
