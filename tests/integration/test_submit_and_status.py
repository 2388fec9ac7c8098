"""The submit and status handlers, from the API Gateway event to the items."""

import json
from base64 import b64encode
from typing import Any

import pytest

from imagescan.domain.image import MAX_POSTED_BYTES
from testing.fake_rekognition import label
from testing.functions import ApiResponse, image_bytes, proxy_event
from testing.images import jpeg, png
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of
from testing.resources import BUCKET, IMAGES, REQUESTS
from tests.integration.conftest import Log

KEYS = {
    "request_id", "status", "message", "label", "min_confidence", "label_matched", "match", "closest_labels", "labels",
    "labels_asked", "match_mode", "results", "reference", "upload", "features", "moderation", "moderation_asked",
    "text", "text_asked",
    "failure", "image_hash", "created_at", "deadline", "completed_at", "scanned_at", "model_version", "scan_reused",
    "reused_by", "content_hash",
}  # fmt: skip


def submit_body(content: bytes = b"", **fields: Any) -> dict[str, Any]:
    return {"file": b64encode(content or image_bytes()).decode(), "fileType": "image/png"} | fields


def body_without(name: str) -> dict[str, Any]:
    return {key: value for key, value in submit_body().items() if key != name}


def scanned(env: MotoEnvironment, content: bytes = b"", **fields: Any) -> str:
    """Submit and scan an image. Return the request ID."""
    submitted = env.functions.post(submit_body(content, **fields))
    env.trigger.deliver_all()
    request_id: str = submitted.body["request_id"]
    return request_id


def assert_api_headers(response: ApiResponse, cache_control: str = "no-store") -> None:
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Expose-Headers"] == "ETag,Location,Preference-Applied,Retry-After"
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == cache_control
    assert "Traceback" not in response.raw["body"]


def test_a_new_image_is_accepted(env: MotoEnvironment) -> None:
    response = env.functions.post(submit_body(label="  Dog ", min_confidence=55.5))
    assert response.status == 202
    assert_api_headers(response)
    assert set(response.body) == KEYS
    fields = {key: response.body[key] for key in ("status", "label", "min_confidence", "label_matched", "image_hash")}
    assert fields == {
        "status": "pending",
        "label": "Dog",
        "min_confidence": 55.5,
        "label_matched": None,
        "image_hash": hash_of(image_bytes()),
    }
    assert response.headers["Location"] == f"scanrequest/{response.body['request_id']}"
    assert response.headers["Retry-After"] == "1"


def test_the_default_question_is_cat_at_90_percent(env: MotoEnvironment) -> None:
    response = env.functions.post(submit_body())
    assert (response.body["label"], response.body["min_confidence"]) == ("cat", 90)


@pytest.mark.parametrize(
    ("content", "file_type", "key"), [(png(), "image/png", ".png"), (jpeg(), "image/jpeg", ".jpg")]
)
def test_the_image_is_stored_under_its_hash(env: MotoEnvironment, content: bytes, file_type: str, key: str) -> None:
    response = env.functions.post(submit_body(content, fileType=file_type))
    stored = env.resources.s3.get_object(Bucket=BUCKET, Key=f"images/{hash_of(content)}{key}")
    assert stored["Body"].read() == content
    assert stored["ContentType"] == file_type
    assert stored["Metadata"] == {"request-id": response.body["request_id"]}


def test_a_body_that_api_gateway_encoded_is_decoded(env: MotoEnvironment) -> None:
    text = b64encode(json.dumps(submit_body()).encode()).decode()
    assert env.functions.post(text, isBase64Encoded=True).status == 202


def test_a_known_image_is_answered_immediately(env: MotoEnvironment) -> None:
    scanned(env)
    env.clock.now += MINUTE
    response = env.functions.post(submit_body(label="feline"))
    assert response.status == 200
    assert_api_headers(response)
    assert set(response.body) == KEYS
    assert "Retry-After" not in response.headers
    assert response.body["label_matched"] is True
    assert response.body["match"]["matched_by"] == "alias"
    assert response.body["scan_reused"] is True
    assert response.body["completed_at"] == response.body["created_at"]
    assert env.functions.get(response.body["request_id"]).body == response.body
    assert env.detector.calls.total() == 1


INVALID: dict[str, tuple[Any, int, str]] = {
    "no body": (None, 400, "invalid_json"),
    "not JSON": ("file=cat.jpg", 400, "invalid_json"),
    "not an object": ("[]", 400, "invalid_json"),
    "no file": (body_without("file"), 400, "missing_file"),
    "no file type": (body_without("fileType"), 400, "missing_fileType"),
    "an empty file": (submit_body(file=""), 400, "empty_file"),
    "a file that is a number": (submit_body(file=1), 400, "invalid_file"),
    "not base64": (submit_body(file="data:image/png;base64,AAAA"), 400, "not_base64"),
    "an empty label": (submit_body(label="  "), 400, "invalid_label"),
    "an overlong label": (submit_body(label="x" * 101), 400, "invalid_label"),
    "no confidence at all": (submit_body(min_confidence=0), 400, "invalid_min_confidence"),
    "more than sure": (submit_body(min_confidence=100.1), 400, "invalid_min_confidence"),
    "too few pixels": (submit_body(png(79, 100)), 400, "image_too_small"),
    "too many pixels": (submit_body(png(100, 10_001)), 400, "image_dimensions_too_large"),
    "a truncated header": (submit_body(png()[:20]), 400, "damaged_image"),
    "too many bytes": (submit_body(png() + bytes(MAX_POSTED_BYTES)), 413, "file_too_large"),
    "text declared as an image": (submit_body(b"hello", fileType="image/jpeg"), 415, "unsupported_type"),
    "an unsupported type": (submit_body(fileType="image/gif"), 415, "unsupported_type"),
    "a PNG declared as a JPEG": (submit_body(fileType="image/jpeg"), 415, "type_mismatch"),
}


@pytest.mark.parametrize("case", INVALID)
def test_invalid_input_is_rejected_with_a_code_and_a_sentence(env: MotoEnvironment, log: Log, case: str) -> None:
    body, status, code = INVALID[case]
    response = env.functions.post(body)
    assert (response.status, response.body["code"]) == (status, code)
    assert response.body["message"].endswith(".")
    assert_api_headers(response)
    assert env.transport.calls == []
    [line] = log.lines
    assert (line["message"], line["code"]) == ("rejected", code)
    assert "exception" not in line


def test_image_bytes_are_not_logged(env: MotoEnvironment, log: Log) -> None:
    """Check a successful submission and one whose upload fails."""
    content = png(shade=123_456)
    scanned(env, content)
    env.transport.fail("PutObject", "AccessDenied", 403)
    env.functions.submit(png(shade=123_457))
    assert log.messages("unhandled_error")
    for text in (b64encode(content).decode()[:24], "PNG", "IHDR", "Comment"):
        assert text not in log.text


@pytest.mark.parametrize("operation", ["BatchGetItem", "PutObject", "PutItem"])
def test_an_internal_error_is_logged_and_not_disclosed(env: MotoEnvironment, log: Log, operation: str) -> None:
    env.transport.fail(operation, "AccessDeniedException", 403)
    response = env.functions.submit(image_bytes())
    assert response.status == 500
    assert_api_headers(response)
    assert response.body["code"] == "internal_error"
    assert "AccessDenied" not in response.raw["body"]
    [line] = log.messages("unhandled_error")
    assert "AccessDeniedException" in line["exception"]
    assert env.resources.items(REQUESTS) == []


@pytest.mark.parametrize("resource", ["/unknown", "/scanrequest/", "/scanrequests/{request_id}"])
def test_an_unknown_resource_is_an_internal_error_and_stores_nothing(
    env: MotoEnvironment, log: Log, resource: str
) -> None:
    response = env.functions.post(submit_body(), resource=resource)
    assert (response.status, response.body["code"]) == (500, "internal_error")
    [line] = log.messages("unhandled_error")
    assert f"KeyError: '{resource}'" in line["exception"]
    assert env.transport.calls == []


def test_a_pending_request_is_returned_with_retry_after(env: MotoEnvironment) -> None:
    submitted = env.functions.submit(image_bytes())
    response = env.functions.get(submitted.body["request_id"])
    assert response.status == 200
    assert_api_headers(response)
    assert response.body == submitted.body
    assert response.headers["Retry-After"] == "1"


def test_a_completed_request_contains_its_match_and_labels(env: MotoEnvironment) -> None:
    response = env.functions.get(scanned(env))
    assert_api_headers(response, "private, max-age=3600")
    assert "Retry-After" not in response.headers
    assert response.body["status"] == "completed"
    assert response.body["label_matched"] is True
    assert response.body["match"] == {
        "label": "Cat",
        "confidence": 97.5,
        "matched_by": "name",
        "boxes": [{"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4, "confidence": 96.0}],
    }
    assert [each["name"] for each in response.body["labels"]] == ["Animal", "Cat"]
    assert response.body["model_version"] == "3.0"
    assert response.body["scan_reused"] is False


def test_a_request_without_a_match_contains_the_closest_labels(env: MotoEnvironment) -> None:
    env.detector.labels = {hash_of(image_bytes()): [label("Dog", 99.0), label("Cat", 60.0), label("Car", 40.0)]}
    response = env.functions.get(scanned(env))
    assert response.body["label_matched"] is False
    assert [each["name"] for each in response.body["closest_labels"]] == ["Cat", "Dog", "Car"]


def test_a_failed_request_has_no_answer(env: MotoEnvironment) -> None:
    env.detector.unreadable = {hash_of(image_bytes())}
    response = env.functions.get(scanned(env))
    assert response.body["status"] == "failed"
    assert response.body["label_matched"] is None
    assert response.body["failure"]["code"] == "image_invalid"


@pytest.mark.parametrize("request_id", ["5e0bb1ea-3b1f-4a07-8ee6-9a3b1c7a21bb", "unknown", "x" * 2000, "😀"])
def test_an_unknown_request_is_not_found(env: MotoEnvironment, request_id: str) -> None:
    response = env.functions.get(request_id)
    assert (response.status, response.body["code"]) == (404, "request_not_found")
    assert_api_headers(response)


@pytest.mark.parametrize("value", ["Y", "y", "YES", "true", "1", "debug"])
def test_debug_data_is_returned_on_request(env: MotoEnvironment, value: str) -> None:
    response = env.functions.get(scanned(env), {"debugData": value})
    assert set(response.body) == KEYS | {"debug_data"}
    assert "Retry-After" not in response.headers
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "query",
    [None, {}, {"debugdata": "Y"}, *({"debugData": value} for value in ("", " ", "n", "N", "no", "No", "0", "false"))],
)
def test_debug_data_is_omitted_by_default(env: MotoEnvironment, query: dict[str, str] | None) -> None:
    assert set(env.functions.get(scanned(env), query).body) == KEYS


def test_debug_data_contains_the_image_of_a_pending_request(env: MotoEnvironment) -> None:
    submitted = env.functions.submit(image_bytes())
    env.detector.errors.append((400, "ThrottlingException"))
    env.trigger.deliver_all()
    debug = env.functions.get(submitted.body["request_id"], {"debugData": "Y"}).body["debug_data"]
    assert debug == {
        "image_key": f"images/{hash_of(image_bytes())}.png",
        "file_type": "image/png",
        "is_direct_upload": False,
        "uploaded_at": submitted.body["created_at"],
        "image": {"attempts": 0, "first_leased_at": submitted.body["created_at"], "is_terminal": False},
    }


def test_debug_data_of_a_completed_request_names_its_scan(env: MotoEnvironment) -> None:
    request_id = scanned(env)
    reused = env.functions.submit(image_bytes()).body["request_id"]
    own, other = (env.functions.get(each, {"debugData": "Y"}).body["debug_data"] for each in (request_id, reused))
    assert own["scanned_for"] == request_id
    assert own["image"]["is_terminal"] is True
    assert own["scanned_at"] == other["scanned_at"] == own["image"]["scan_finished_at"]
    assert "scanned_for" not in other


def test_a_request_fails_after_its_deadline_and_grace_period(env: MotoEnvironment) -> None:
    submitted = env.functions.submit(image_bytes())
    env.clock.now += 81 * MINUTE
    response = env.functions.get(submitted.body["request_id"])
    assert response.body["status"] == "failed"
    assert response.body["failure"]["code"] == "timed_out"
    assert response.body["label_matched"] is None
    assert env.resources.items(IMAGES) == []


def test_a_preflight_allows_the_methods_and_headers_of_the_api(env: MotoEnvironment) -> None:
    response = ApiResponse(env.functions.invoke("StatusFunction", proxy_event("OPTIONS")))
    assert response.status == 204
    assert response.headers["Access-Control-Allow-Methods"] == "DELETE,GET,POST,OPTIONS"
    assert "Content-Type" in response.headers["Access-Control-Allow-Headers"]
    assert env.transport.calls == []
