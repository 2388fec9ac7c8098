"""Direct uploads, idempotency keys and follow-up questions, from the API Gateway event to the items."""

import json
from base64 import b64encode
from typing import Any

import pytest

from testing.fake_rekognition import label
from testing.functions import ApiResponse, image_bytes, proxy_event
from testing.moto_environment import MotoEnvironment, hash_of
from testing.resources import BUCKET, IMAGES, REQUESTS

DAY = 86_400


def declared(**fields: Any) -> dict[str, Any]:
    return {"sha256": hash_of(image_bytes()), "size": len(image_bytes()), "fileType": "image/png"} | fields


def ask_follow_up(env: MotoEnvironment, request_id: str, **body: Any) -> ApiResponse:
    event = proxy_event("POST", json.dumps(body)) | {"pathParameters": {"request_id": request_id}}
    return ApiResponse(env.functions.invoke("AskFollowUpFunction", event))


def post_with_key(env: MotoEnvironment, key: str, **fields: Any) -> ApiResponse:
    return env.functions.post(declared(**fields), headers={"idempotency-key": key})


def test_a_submission_by_hash_makes_two_calls_and_stores_no_object(env: MotoEnvironment) -> None:
    response = env.functions.post(declared())
    assert env.transport.calls == ["BatchGetItem", "PutItem"]  # the items of all features
    assert response.status == 202
    assert response.body["upload"]["url"].startswith(f"https://{BUCKET}.s3.")
    assert set(response.body["upload"]["headers"]) == {
        "Content-Type",
        "If-None-Match",
        "x-amz-checksum-sha256",
        "x-amz-meta-request-id",
    }


def test_all_upload_headers_are_signed(env: MotoEnvironment) -> None:
    url = env.functions.post(declared()).body["upload"]["url"]
    signed = url.partition("X-Amz-SignedHeaders=")[2].partition("&")[0].split("%3B")
    assert {"content-length", "content-type", "x-amz-checksum-sha256", "x-amz-meta-request-id"} <= set(signed)
    assert "X-Amz-Expires=900" in url


def test_a_submission_by_hash_of_a_known_image_needs_no_upload(env: MotoEnvironment) -> None:
    env.functions.submit(image_bytes())
    env.trigger.deliver_all()
    response = env.functions.post(declared())
    assert (response.status, response.body["upload"], response.body["status"]) == (200, None, "completed")


def test_a_request_without_an_upload_fails_as_never_uploaded(env: MotoEnvironment) -> None:
    request_id = env.functions.post(declared()).body["request_id"]
    env.functions.clock.now += DAY
    response = env.functions.get(request_id)
    assert (response.body["status"], response.body["failure"]["code"]) == ("failed", "never_uploaded")
    env.functions.sweep()
    assert not env.resources.items(REQUESTS, index="pending_by_image")
    assert env.functions.get(request_id).body["failure"] == response.body["failure"]


def test_a_repeated_idempotency_key_returns_the_same_request(env: MotoEnvironment) -> None:
    first, second = post_with_key(env, "k"), post_with_key(env, "k")
    assert first.body["request_id"] == second.body["request_id"]
    assert second.body["upload"]
    assert len(env.resources.items(REQUESTS)) == 1


def test_bytes_posted_with_the_key_of_a_submission_by_hash_are_scanned(env: MotoEnvironment) -> None:
    request_id = post_with_key(env, "k").body["request_id"]
    posted = {"file": b64encode(image_bytes()).decode(), "fileType": "image/png"}
    assert env.functions.post(posted, headers={"idempotency-key": "k"}).body["request_id"] == request_id
    env.trigger.deliver_all()
    assert env.functions.get(request_id).body["status"] == "completed"


def test_a_repeated_idempotency_key_with_another_body_is_a_conflict(env: MotoEnvironment) -> None:
    post_with_key(env, "k")
    response = post_with_key(env, "k", label="dog")
    assert (response.status, response.body["code"]) == (409, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "x" * 256, "naïve", "tab\there"])
def test_an_invalid_idempotency_key_is_rejected(env: MotoEnvironment, key: str) -> None:
    response = post_with_key(env, key)
    assert (response.status, response.body["code"]) == (400, "invalid_idempotency_key")


def test_a_follow_up_question_is_answered_from_stored_labels_with_one_read(env: MotoEnvironment) -> None:
    env.detector.labels[hash_of(image_bytes())] = [label("Cat", 97.0), label("Dog", 60.0)]
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    env.trigger.deliver_all()
    calls, items = env.detector.calls.total(), env.resources.items(IMAGES)
    env.transport.reset()
    response = ask_follow_up(env, request_id, labels=["cat", "dog"], match_mode="all", min_confidence=50)
    assert (response.status, response.body["label_matched"]) == (200, True)
    assert env.transport.calls == ["GetItem"]
    assert (env.detector.calls.total(), env.resources.items(IMAGES)) == (calls, items)


def test_a_follow_up_question_about_a_pending_request_is_a_conflict(env: MotoEnvironment) -> None:
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    response = ask_follow_up(env, request_id, label="dog")
    assert (response.status, response.body["code"]) == (409, "request_pending")


def test_an_unchanged_response_is_not_sent_again(env: MotoEnvironment) -> None:
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


def test_a_client_that_accepts_problem_details_receives_rfc_9457(env: MotoEnvironment) -> None:
    event = proxy_event("GET") | {
        "pathParameters": {"request_id": "unknown"},
        "headers": {"Accept": "application/problem+json"},
    }
    response = ApiResponse(env.functions.invoke("StatusFunction", event))
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.body == {
        "title": "Not Found",
        "status": 404,
        "detail": response.body["message"],
        "code": "request_not_found",
        "message": response.body["message"],
    }
