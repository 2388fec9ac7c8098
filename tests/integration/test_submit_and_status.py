"""The two HTTP handlers, from the event of API Gateway to the items they write."""

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
    "labels_asked", "match_mode", "results", "reference", "upload",
    "failure", "image_hash", "created_at", "deadline", "completed_at", "scanned_at", "model_version", "scan_reused",
}  # fmt: skip


def question(content: bytes = b"", **fields: Any) -> dict[str, Any]:
    return {"file": b64encode(content or image_bytes()).decode(), "fileType": "image/png"} | fields


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in question().items() if key != name}


def scanned(env: MotoEnvironment, content: bytes = b"", **fields: Any) -> str:
    """The id of a request whose image has been scanned."""
    posted = env.functions.post(question(content, **fields))
    env.trigger.deliver_all()
    request_id: str = posted.body["request_id"]
    return request_id


def assert_an_api_answer(answer: ApiResponse, cache_control: str = "no-store") -> None:
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Expose-Headers"] == "ETag,Location,Retry-After"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == cache_control
    assert "Traceback" not in answer.raw["body"]


def test_a_new_image_is_accepted_to_be_scanned(env: MotoEnvironment) -> None:
    answer = env.functions.post(question(label="  Dog ", min_confidence=55.5))
    assert answer.status == 202
    assert_an_api_answer(answer)
    assert set(answer.body) == KEYS
    told = {key: answer.body[key] for key in ("status", "label", "min_confidence", "label_matched", "image_hash")}
    assert told == {
        "status": "pending",
        "label": "Dog",
        "min_confidence": 55.5,
        "label_matched": None,
        "image_hash": hash_of(image_bytes()),
    }
    assert answer.headers["Location"] == f"scanrequest/{answer.body['request_id']}"
    assert answer.headers["Retry-After"] == "1"


def test_a_question_that_says_little_is_about_a_cat_at_90_percent(env: MotoEnvironment) -> None:
    answer = env.functions.post(question())
    assert (answer.body["label"], answer.body["min_confidence"]) == ("cat", 90)


@pytest.mark.parametrize(
    ("content", "file_type", "key"), [(png(), "image/png", ".png"), (jpeg(), "image/jpeg", ".jpg")]
)
def test_the_bytes_are_stored_under_their_hash(env: MotoEnvironment, content: bytes, file_type: str, key: str) -> None:
    answer = env.functions.post(question(content, fileType=file_type))
    stored = env.resources.s3.get_object(Bucket=BUCKET, Key=f"images/{hash_of(content)}{key}")
    assert stored["Body"].read() == content
    assert stored["ContentType"] == file_type
    assert stored["Metadata"] == {"request-id": answer.body["request_id"]}


def test_a_body_that_the_gateway_encoded_is_read(env: MotoEnvironment) -> None:
    text = b64encode(json.dumps(question()).encode()).decode()
    assert env.functions.post(text, isBase64Encoded=True).status == 202


def test_a_known_image_is_answered_at_once(env: MotoEnvironment) -> None:
    scanned(env)
    env.clock.now += MINUTE
    answer = env.functions.post(question(label="feline"))
    assert answer.status == 200
    assert_an_api_answer(answer)
    assert set(answer.body) == KEYS
    assert "Retry-After" not in answer.headers
    assert answer.body["label_matched"] is True
    assert answer.body["match"]["matched_by"] == "alias"
    assert answer.body["scan_reused"] is True
    assert answer.body["completed_at"] == answer.body["created_at"]
    assert env.functions.get(answer.body["request_id"]).body == answer.body
    assert env.detector.calls.total() == 1


WRONG: dict[str, tuple[Any, int, str]] = {
    "no body": (None, 400, "invalid_json"),
    "not JSON": ("file=cat.jpg", 400, "invalid_json"),
    "not an object": ("[]", 400, "invalid_json"),
    "no file": (without("file"), 400, "missing_file"),
    "no file type": (without("fileType"), 400, "missing_fileType"),
    "an empty file": (question(file=""), 400, "empty_file"),
    "a file that is a number": (question(file=1), 400, "invalid_file"),
    "not base64": (question(file="data:image/png;base64,AAAA"), 400, "not_base64"),
    "an empty label": (question(label="  "), 400, "invalid_label"),
    "an overlong label": (question(label="x" * 101), 400, "invalid_label"),
    "no confidence at all": (question(min_confidence=0), 400, "invalid_min_confidence"),
    "more than sure": (question(min_confidence=100.1), 400, "invalid_min_confidence"),
    "too few pixels": (question(png(79, 100)), 400, "image_too_small"),
    "too many pixels": (question(png(100, 10_001)), 400, "image_dimensions_too_large"),
    "a torn header": (question(png()[:20]), 400, "damaged_image"),
    "too many bytes": (question(png() + bytes(MAX_POSTED_BYTES)), 413, "file_too_large"),
    "text that is called an image": (question(b"hello", fileType="image/jpeg"), 415, "unsupported_type"),
    "a type that nobody scans": (question(fileType="image/gif"), 415, "unsupported_type"),
    "a PNG that is called a JPEG": (question(fileType="image/jpeg"), 415, "type_mismatch"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_refused_with_a_code_and_a_sentence(env: MotoEnvironment, log: Log, case: str) -> None:
    body, status, code = WRONG[case]
    answer = env.functions.post(body)
    assert (answer.status, answer.body["code"]) == (status, code)
    assert answer.body["message"].endswith(".")
    assert_an_api_answer(answer)
    assert env.transport.calls == []
    [line] = log.lines
    assert (line["message"], line["code"]) == ("rejected", code)
    assert "exception" not in line


def test_image_bytes_reach_no_log(env: MotoEnvironment, log: Log) -> None:
    """Neither when all goes well, nor when the upload breaks."""
    content = png(shade=123_456)
    scanned(env, content)
    env.transport.fail("PutObject", "AccessDenied", 403)
    env.functions.submit(png(shade=123_457))
    assert log.messages("unhandled_error")
    for text in (b64encode(content).decode()[:24], "PNG", "IHDR", "Comment"):
        assert text not in log.text


@pytest.mark.parametrize("operation", ["GetItem", "PutObject", "PutItem"])
def test_what_breaks_on_our_side_is_logged_and_not_told(env: MotoEnvironment, log: Log, operation: str) -> None:
    env.transport.fail(operation, "AccessDeniedException", 403)
    answer = env.functions.submit(image_bytes())
    assert answer.status == 500
    assert_an_api_answer(answer)
    assert answer.body["code"] == "internal_error"
    assert "AccessDenied" not in answer.raw["body"]
    [line] = log.messages("unhandled_error")
    assert "AccessDeniedException" in line["exception"]
    assert env.resources.items(REQUESTS) == []


def test_a_waiting_request_is_told_so(env: MotoEnvironment) -> None:
    posted = env.functions.submit(image_bytes())
    answer = env.functions.get(posted.body["request_id"])
    assert answer.status == 200
    assert_an_api_answer(answer)
    assert answer.body == posted.body
    assert answer.headers["Retry-After"] == "1"


def test_an_answered_request_says_what_the_image_shows(env: MotoEnvironment) -> None:
    answer = env.functions.get(scanned(env))
    assert_an_api_answer(answer, "private, max-age=3600")
    assert "Retry-After" not in answer.headers
    assert answer.body["status"] == "completed"
    assert answer.body["label_matched"] is True
    assert answer.body["match"] == {
        "label": "Cat",
        "confidence": 97.5,
        "matched_by": "name",
        "boxes": [{"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4, "confidence": 96.0}],
    }
    assert [each["name"] for each in answer.body["labels"]] == ["Animal", "Cat"]
    assert answer.body["model_version"] == "3.0"
    assert answer.body["scan_reused"] is False


def test_a_miss_names_what_came_nearest(env: MotoEnvironment) -> None:
    env.detector.labels = {hash_of(image_bytes()): [label("Dog", 99.0), label("Cat", 60.0), label("Car", 40.0)]}
    answer = env.functions.get(scanned(env))
    assert answer.body["label_matched"] is False
    assert [each["name"] for each in answer.body["closest_labels"]] == ["Cat", "Dog", "Car"]


def test_a_failure_is_no_answer(env: MotoEnvironment) -> None:
    env.detector.unreadable = {hash_of(image_bytes())}
    answer = env.functions.get(scanned(env))
    assert answer.body["status"] == "failed"
    assert answer.body["label_matched"] is None
    assert answer.body["failure"]["code"] == "image_invalid"


@pytest.mark.parametrize("request_id", ["5e0bb1ea-3b1f-4a07-8ee6-9a3b1c7a21bb", "nobody's", "x" * 2000, "😀"])
def test_an_unknown_request_is_not_found(env: MotoEnvironment, request_id: str) -> None:
    answer = env.functions.get(request_id)
    assert (answer.status, answer.body["code"]) == (404, "request_not_found")
    assert_an_api_answer(answer)


@pytest.mark.parametrize("query", [None, {}, {"debugData": "y"}, {"debugData": "YES"}, {"debugdata": "Y"}])
def test_debug_data_is_for_who_asks_with_exactly_y(env: MotoEnvironment, query: dict[str, str] | None) -> None:
    request_id = scanned(env)
    assert "debug_data" not in env.functions.get(request_id, query).body
    assert set(env.functions.get(request_id, {"debugData": "Y"}).body) == KEYS | {"debug_data"}


def test_debug_data_shows_the_image_of_a_waiting_request(env: MotoEnvironment) -> None:
    posted = env.functions.submit(image_bytes())
    env.detector.errors.append((400, "ThrottlingException"))
    env.trigger.deliver_all()
    debug = env.functions.get(posted.body["request_id"], {"debugData": "Y"}).body["debug_data"]
    assert debug["image"] == {
        "attempts": 0,
        "lease_until": None,
        "requeued_at": None,
        "deferred_until": None,
        "is_terminal": False,
    }
    assert debug["image_key"] == f"images/{hash_of(image_bytes())}.png"


def test_a_request_whose_deadline_and_grace_are_over_has_failed(env: MotoEnvironment) -> None:
    posted = env.functions.submit(image_bytes())
    env.clock.now += 81 * MINUTE
    answer = env.functions.get(posted.body["request_id"])
    assert answer.body["status"] == "failed"
    assert answer.body["failure"]["code"] == "timed_out"
    assert answer.body["label_matched"] is None
    assert env.resources.items(IMAGES) == []


def test_a_preflight_allows_what_the_api_takes(env: MotoEnvironment) -> None:
    answer = ApiResponse(env.functions.invoke("StatusFunction", proxy_event("OPTIONS")))
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Methods"] == "DELETE,GET,POST,OPTIONS"
    assert "Content-Type" in answer.headers["Access-Control-Allow-Headers"]
    assert env.transport.calls == []
