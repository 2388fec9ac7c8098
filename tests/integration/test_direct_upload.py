"""Announced images, idempotency keys and further questions, from the event of API Gateway to the items."""

import json
from base64 import b64encode
from typing import Any

import pytest

from testing.fake_rekognition import label
from testing.functions import ApiResponse, image_bytes, proxy_event
from testing.moto_environment import MotoEnvironment, hash_of
from testing.resources import BUCKET, IMAGES, REQUESTS

DAY = 86_400


def announced(**fields: Any) -> dict[str, Any]:
    return {"sha256": hash_of(image_bytes()), "size": len(image_bytes()), "fileType": "image/png"} | fields


def asked(env: MotoEnvironment, request_id: str, **body: Any) -> ApiResponse:
    event = proxy_event("POST", json.dumps(body)) | {"pathParameters": {"request_id": request_id}}
    return ApiResponse(env.functions.invoke("AskFollowUpFunction", event))


def keyed(env: MotoEnvironment, key: str, **fields: Any) -> ApiResponse:
    return env.functions.post(announced(**fields), headers={"idempotency-key": key})


def test_announcing_a_new_image_takes_two_calls_and_uploads_nothing(env: MotoEnvironment) -> None:
    answer = env.functions.post(announced())
    assert env.transport.calls == ["GetItem", "PutItem"]
    assert answer.status == 202
    assert answer.body["upload"]["url"].startswith(f"https://{BUCKET}.s3.")
    assert set(answer.body["upload"]["headers"]) == {
        "Content-Type",
        "x-amz-checksum-sha256",
        "x-amz-meta-request-id",
    }


def test_every_header_of_an_upload_is_signed(env: MotoEnvironment) -> None:
    url = env.functions.post(announced()).body["upload"]["url"]
    signed = url.partition("X-Amz-SignedHeaders=")[2].partition("&")[0].split("%3B")
    assert {"content-length", "content-type", "x-amz-checksum-sha256", "x-amz-meta-request-id"} <= set(signed)
    assert "X-Amz-Expires=900" in url


def test_announcing_a_known_image_needs_no_upload(env: MotoEnvironment) -> None:
    env.functions.submit(image_bytes())
    env.trigger.deliver_all()
    answer = env.functions.post(announced())
    assert (answer.status, answer.body["upload"], answer.body["status"]) == (200, None, "completed")


def test_an_upload_that_never_comes_ends_as_never_uploaded(env: MotoEnvironment) -> None:
    request_id = env.functions.post(announced()).body["request_id"]
    env.functions.clock.now += DAY
    answer = env.functions.get(request_id)
    assert (answer.body["status"], answer.body["failure"]["code"]) == ("failed", "never_uploaded")
    env.functions.sweep()
    assert not env.resources.items(REQUESTS, index="pending_by_image")
    assert env.functions.get(request_id).body["failure"] == answer.body["failure"]


def test_a_repeated_key_is_the_same_request(env: MotoEnvironment) -> None:
    first, second = keyed(env, "k"), keyed(env, "k")
    assert first.body["request_id"] == second.body["request_id"]
    assert second.body["upload"]
    assert len(env.resources.items(REQUESTS)) == 1


def test_bytes_posted_under_the_key_of_their_announcement_are_scanned(env: MotoEnvironment) -> None:
    awaited = keyed(env, "k").body["request_id"]
    posted = {"file": b64encode(image_bytes()).decode(), "fileType": "image/png"}
    assert env.functions.post(posted, headers={"idempotency-key": "k"}).body["request_id"] == awaited
    env.trigger.deliver_all()
    assert env.functions.get(awaited).body["status"] == "completed"


def test_a_repeated_key_with_another_body_is_a_conflict(env: MotoEnvironment) -> None:
    keyed(env, "k")
    answer = keyed(env, "k", label="dog")
    assert (answer.status, answer.body["code"]) == (409, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "x" * 256, "naïve", "tab\there"])
def test_a_key_that_cannot_be_taken_is_refused(env: MotoEnvironment, key: str) -> None:
    answer = keyed(env, key)
    assert (answer.status, answer.body["code"]) == (400, "invalid_idempotency_key")


def test_more_is_asked_from_stored_labels_with_one_read(env: MotoEnvironment) -> None:
    env.detector.labels[hash_of(image_bytes())] = [label("Cat", 97.0), label("Dog", 60.0)]
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    env.trigger.deliver_all()
    calls, items = env.detector.calls.total(), env.resources.items(IMAGES)
    env.transport.reset()
    answer = asked(env, request_id, labels=["cat", "dog"], match_mode="all", min_confidence=50)
    assert (answer.status, answer.body["label_matched"]) == (200, True)
    assert env.transport.calls == ["GetItem"]
    assert (env.detector.calls.total(), env.resources.items(IMAGES)) == (calls, items)


def test_nothing_is_asked_of_an_image_that_waits(env: MotoEnvironment) -> None:
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    answer = asked(env, request_id, label="dog")
    assert (answer.status, answer.body["code"]) == (409, "request_pending")


def test_an_unchanged_answer_is_not_sent_again(env: MotoEnvironment) -> None:
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    etag = env.functions.get(request_id).headers["ETag"]
    event = proxy_event("GET") | {
        "pathParameters": {"request_id": request_id},
        "headers": {"if-none-match": f"W/{etag}"},
    }
    unchanged = ApiResponse(env.functions.invoke("StatusFunction", event))
    assert (unchanged.status, unchanged.raw["body"], unchanged.headers["ETag"]) == (304, "", etag)
    env.trigger.deliver_all()
    assert ApiResponse(env.functions.invoke("StatusFunction", event)).status == 200


def test_a_client_that_accepts_problems_gets_them_by_rfc_9457(env: MotoEnvironment) -> None:
    event = proxy_event("GET") | {
        "pathParameters": {"request_id": "nobody"},
        "headers": {"Accept": "application/problem+json"},
    }
    answer = ApiResponse(env.functions.invoke("StatusFunction", event))
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body == {
        "title": "Not Found",
        "status": 404,
        "detail": answer.body["message"],
        "code": "request_not_found",
        "message": answer.body["message"],
    }
