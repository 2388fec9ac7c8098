"""Compare the responses of the functions with the OpenAPI description: no field is missing or undocumented."""

import json
from base64 import b64encode
from http import HTTPStatus
from typing import Any

import pytest
from pydantic import TypeAdapter

from ops.openapi import shapes
from ops.openapi.description import PROBLEM, describe
from ops.openapi.operations import OPERATIONS
from testing.fake_rekognition import label, moderation_label, text_line
from testing.functions import ApiResponse, image_bytes, proxy_event
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of

OPERATION = {operation.name: operation for operation in OPERATIONS}


def assert_described(name: str, response: ApiResponse) -> None:
    """Assert that the type of the response describes its body completely."""
    operation, status = OPERATION[name], HTTPStatus(response.status)
    if status in operation.responses:
        shape = operation.responses[status]
        missing = {"Access-Control-Allow-Origin", *operation.headers.get(status, ())} - set(response.headers)
        assert missing <= {"Preference-Applied", "Retry-After"}
    else:
        assert status in (*operation.errors, HTTPStatus.INTERNAL_SERVER_ERROR)
        shape = shapes.Problem if response.headers["Content-Type"] == PROBLEM else shapes.Error
    if shape is None:
        assert response.raw["body"] == ""
        return
    model = TypeAdapter[Any](shape)
    assert model.dump_python(model.validate_json(response.raw["body"]), mode="json") == response.body


def declared(number: int, **fields: Any) -> dict[str, Any]:
    return {"sha256": hash_of(image_bytes(number)), "size": 100, "fileType": "image/png"} | fields


def invoke(env: MotoEnvironment, function: str, method: str, **event: Any) -> ApiResponse:
    return ApiResponse(env.functions.invoke(function, proxy_event(method) | event))


def post(env: MotoEnvironment, resource: str, body: Any, **event: Any) -> ApiResponse:
    function = "AskFollowUpFunction" if resource.endswith("questions") else "SubmitFunction"
    return invoke(env, function, "POST", resource=resource, body=json.dumps(body), **event)


@pytest.fixture
def scanned(env: MotoEnvironment) -> str:
    """Return the ID of a request whose image has been scanned."""
    request_id: str = env.functions.submit(image_bytes()).body["request_id"]
    env.trigger.deliver_all()
    return request_id


@pytest.mark.usefixtures("scanned")
@pytest.mark.parametrize("fields", [{}, {"labels": ["cat", "dog"], "match_mode": "all", "reference": "order 7"}])
def test_submissions_match_the_description(env: MotoEnvironment, fields: dict[str, Any]) -> None:
    for body, status in [(declared(0, **fields), 200), (declared(1, **fields), 202)]:
        response = post(env, "/scanrequest", body)
        assert response.status == status
        assert_described("submitRequest", response)


@pytest.mark.parametrize("accept", ["application/json", PROBLEM])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        (declared(1, sha256="x"), 400),
        (declared(1, size=10**9), 413),
        (declared(1, fileType="image/gif"), 415),
    ],
)
def test_rejections_match_the_description(env: MotoEnvironment, body: Any, status: int, accept: str) -> None:
    response = post(env, "/scanrequest", body, headers={"Accept": accept})
    assert response.status == status
    assert_described("submitRequest", response)


def test_key_conflicts_match_the_description(env: MotoEnvironment) -> None:
    first, second = (post(env, "/scanrequest", declared(at), headers={"Idempotency-Key": "k"}) for at in (1, 2))
    assert (first.status, second.status) == (202, 409)
    assert_described("submitRequest", second)


def test_internal_errors_match_the_description(env: MotoEnvironment) -> None:
    env.transport.fail("GetItem", "AccessDeniedException")
    assert_described("submitRequest", env.functions.submit(image_bytes()))


@pytest.mark.parametrize("query", [None, {"debugData": "Y"}])
def test_requests_in_every_state_match_the_description(
    env: MotoEnvironment, scanned: str, query: dict[str, str] | None
) -> None:
    missed = env.functions.submit(image_bytes(), "dog").body["request_id"]
    env.detector.unreadable = {hash_of(image_bytes(1))}
    failed = env.functions.submit(image_bytes(1)).body["request_id"]
    env.trigger.deliver_all()
    env.detector.errors.append((400, "ThrottlingException"))
    pending = env.functions.submit(image_bytes(2)).body["request_id"]
    env.trigger.deliver()
    responses = [env.functions.get(request_id, query) for request_id in (scanned, missed, failed, pending, "unknown")]
    env.clock.now += 81 * MINUTE
    responses.append(env.functions.get(pending, query))
    statuses = [response.body.get("status") for response in responses]
    assert statuses == ["completed", "completed", "failed", "pending", None, "failed"]
    for response in responses:
        assert_described("getRequest", response)


def test_unchanged_requests_match_the_description(env: MotoEnvironment, scanned: str) -> None:
    of_request = {"pathParameters": {"request_id": scanned}}
    response = invoke(env, "StatusFunction", "GET", **of_request, headers={"If-None-Match": "*"})
    assert response.status == 304
    assert_described("getRequest", response)


def test_follow_up_answers_match_the_description(env: MotoEnvironment, scanned: str) -> None:
    pending = env.functions.submit(image_bytes(1)).body["request_id"]
    expected = {scanned: 200, pending: 409, "unknown": 404}
    for request_id, status in expected.items():
        of_request = {"pathParameters": {"request_id": request_id}}
        response = post(env, "/scanrequest/{request_id}/questions", {"labels": ["dog", "cat"]}, **of_request)
        assert response.status == status
        assert_described("askFollowUp", response)


@pytest.mark.usefixtures("scanned")
def test_batches_match_the_description(env: MotoEnvironment) -> None:
    response = post(env, "/scanrequests", {"entries": [declared(0), declared(1), declared(2, label="")]})
    assert [each["status_code"] for each in response.body["results"]] == [200, 202, 400]
    assert_described("submitBatch", response)
    assert_described("submitBatch", post(env, "/scanrequests", {"entries": []}))


def test_lists_match_the_description(env: MotoEnvironment, scanned: str) -> None:
    env.functions.submit(image_bytes(1))
    pending = env.functions.submit(image_bytes(2)).body["request_id"]
    for query in ({}, {"limit": "1"}, {"status": "other"}, {"ids": f"{pending},{scanned},unknown"}, {"ids": ""}):
        assert_described("listRequests", invoke(env, "ListRequestsFunction", "GET", queryStringParameters=query))


def test_deletions_match_the_description(env: MotoEnvironment, scanned: str) -> None:
    for status in (204, 404):
        response = invoke(env, "DeleteFunction", "DELETE", pathParameters={"request_id": scanned})
        assert response.status == status
        assert_described("deleteRequest", response)


@pytest.mark.usefixtures("scanned")
def test_stats_match_the_description(env: MotoEnvironment) -> None:
    env.streams.deliver_all()
    response = invoke(env, "StatsFunction", "GET")
    assert response.body["scans"] == 1
    assert_described("getStats", response)


def test_closest_labels_match_the_description(env: MotoEnvironment) -> None:
    env.detector.labels = {hash_of(image_bytes()): [label("Dog", 99.0), label("Cat", 60.0), label("Car", 40.0)]}
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    env.trigger.deliver_all()
    assert_described("getRequest", env.functions.get(request_id))


# ---------------------------------------------------------------- features

QUESTIONS: list[dict[str, Any]] = [
    {"text": ["sale", "exit"], "match_mode": "all"},
    {"moderation": ["*"], "label": "cat"},
    {"features": ["labels", "moderation", "text"]},
    {"labels": ["cat", "dog"], "moderation": ["weapons"], "text": ["sale"], "match_mode": "none"},
]


def found_in(env: MotoEnvironment, number: int = 0) -> None:
    """Let Rekognition find a label, a moderation label and a text in this image."""
    image_hash = hash_of(image_bytes(number))
    env.detector.moderation[image_hash] = [moderation_label("Weapons", parent="Violence", level=2)]
    env.detector.text[image_hash] = text_line("Big SALE", 99.0)


@pytest.mark.parametrize("fields", QUESTIONS)
def test_requests_for_features_match_the_description_in_every_state(
    env: MotoEnvironment, fields: dict[str, Any]
) -> None:
    found_in(env)
    posted = {"file": b64encode(image_bytes()).decode(), "fileType": "image/png", **fields}
    submitted = env.functions.post(posted)
    request_id, debug = submitted.body["request_id"], {"debugData": "Y"}
    pending = env.functions.get(request_id, debug)
    env.trigger.deliver_all()
    known = env.functions.post(posted)
    completed = [env.functions.get(request_id, query) for query in (None, debug)]
    states = [each.body["status"] for each in (submitted, pending, known, *completed)]
    assert states == ["pending"] * 2 + ["completed"] * 3
    for response in (submitted, known):
        assert_described("submitRequest", response)
    for response in (pending, *completed):
        assert_described("getRequest", response)


def test_a_failure_of_a_feature_matches_the_description(env: MotoEnvironment) -> None:
    env.detector.unreadable = {hash_of(image_bytes(1))}
    request_id = post(env, "/scanrequest", declared(1, features=["labels", "text"])).body["request_id"]
    env.upload(image_bytes(1), post(env, "/scanrequest", declared(1, features=["labels", "text"])).body)
    env.trigger.deliver_all()
    env.clock.now += 81 * MINUTE
    response = env.functions.get(request_id, {"debugData": "Y"})
    assert response.body["failure"]["feature"] == "labels"
    assert_described("getRequest", response)


@pytest.mark.parametrize("fields", QUESTIONS)
def test_batches_and_lists_of_requests_for_features_match_the_description(
    env: MotoEnvironment, fields: dict[str, Any]
) -> None:
    response = post(env, "/scanrequests", {"entries": [declared(0, **fields), declared(1, text=[])]})
    assert [each["status_code"] for each in response.body["results"]] == [202, 400]
    assert_described("submitBatch", response)
    for query in ({"feature": "text"}, {"feature": "faces"}):
        assert_described("listRequests", invoke(env, "ListRequestsFunction", "GET", queryStringParameters=query))


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"text": ["sale"]}, 200),
        ({"features": ["text"]}, 200),
        ({"moderation": ["*"]}, 409),
        ({}, 409),
    ],
)
def test_follow_up_answers_about_features_match_the_description(
    env: MotoEnvironment, fields: dict[str, Any], status: int
) -> None:
    found_in(env)
    posted = {"file": b64encode(image_bytes()).decode(), "fileType": "image/png", "text": ["exit"]}
    of_request = {"pathParameters": {"request_id": env.functions.post(posted).body["request_id"]}}
    env.trigger.deliver_all()
    response = post(env, "/scanrequest/{request_id}/questions", fields, **of_request)
    assert response.status == status
    assert_described("askFollowUp", response)


def test_the_description_of_a_conflict_names_its_codes() -> None:
    paths = describe()["paths"]
    questions = paths["/scanrequest/{request_id}/questions"]["post"]["responses"]["409"]["description"]
    assert questions == "Conflict: request_pending, labels_unavailable, feature_not_scanned"
    submission = paths["/scanrequest"]["post"]["responses"]["409"]["description"]
    assert submission == "Conflict: idempotency_key_reused, request_deleted"
