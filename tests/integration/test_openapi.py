"""What the functions really answer is what the description says: nothing is missing, nothing is more."""

import json
from http import HTTPStatus
from typing import Any

import pytest
from pydantic import TypeAdapter

from ops.openapi import shapes
from ops.openapi.description import PROBLEM
from ops.openapi.operations import OPERATIONS
from testing.fake_rekognition import label
from testing.functions import ApiResponse, image_bytes, proxy_event
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of

OPERATION = {operation.name: operation for operation in OPERATIONS}


def assert_as_described(name: str, answer: ApiResponse) -> None:
    """Read and written again by its type, the body is still the same."""
    operation, status = OPERATION[name], HTTPStatus(answer.status)
    if status in operation.answers:
        shape = operation.answers[status]
        assert {"Access-Control-Allow-Origin", *operation.headers.get(status, ())} - set(answer.headers) <= {
            "Retry-After"
        }
    else:
        assert status in (*operation.errors, HTTPStatus.INTERNAL_SERVER_ERROR)
        shape = shapes.Problem if answer.headers["Content-Type"] == PROBLEM else shapes.Error
    if shape is None:
        assert answer.raw["body"] == ""
        return
    described = TypeAdapter[Any](shape)
    assert described.dump_python(described.validate_json(answer.raw["body"]), mode="json") == answer.body


def announced(number: int, **fields: Any) -> dict[str, Any]:
    return {"sha256": hash_of(image_bytes(number)), "size": 100, "fileType": "image/png"} | fields


def invoke(env: MotoEnvironment, function: str, method: str, **event: Any) -> ApiResponse:
    return ApiResponse(env.functions.invoke(function, proxy_event(method) | event))


def post(env: MotoEnvironment, resource: str, body: Any, **event: Any) -> ApiResponse:
    function = "AskFollowUpFunction" if resource.endswith("questions") else "SubmitFunction"
    return invoke(env, function, "POST", resource=resource, body=json.dumps(body), **event)


@pytest.fixture
def scanned(env: MotoEnvironment) -> str:
    """A request whose image was scanned."""
    request_id: str = env.functions.submit(image_bytes()).body["request_id"]
    env.trigger.deliver_all()
    return request_id


@pytest.mark.usefixtures("scanned")
@pytest.mark.parametrize("fields", [{}, {"labels": ["cat", "dog"], "match_mode": "all", "reference": "order 7"}])
def test_a_submission_is_answered_as_described(env: MotoEnvironment, fields: dict[str, Any]) -> None:
    for body, status in [(announced(0, **fields), 200), (announced(1, **fields), 202)]:
        answer = post(env, "/scanrequest", body)
        assert answer.status == status
        assert_as_described("submit", answer)


@pytest.mark.parametrize("accept", ["application/json", PROBLEM])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        (announced(1, sha256="x"), 400),
        (announced(1, size=10**9), 413),
        (announced(1, fileType="image/gif"), 415),
    ],
)
def test_a_refusal_is_answered_as_described(env: MotoEnvironment, body: Any, status: int, accept: str) -> None:
    answer = post(env, "/scanrequest", body, headers={"Accept": accept})
    assert answer.status == status
    assert_as_described("submit", answer)


def test_a_key_that_was_used_for_another_body_is_answered_as_described(env: MotoEnvironment) -> None:
    first, second = (post(env, "/scanrequest", announced(at), headers={"Idempotency-Key": "k"}) for at in (1, 2))
    assert (first.status, second.status) == (202, 409)
    assert_as_described("submit", second)


def test_what_breaks_on_our_side_is_answered_as_described(env: MotoEnvironment) -> None:
    env.transport.fail("GetItem", "AccessDeniedException")
    assert_as_described("submit", env.functions.submit(image_bytes()))


@pytest.mark.parametrize("query", [None, {"debugData": "Y"}])
def test_every_standing_is_answered_as_described(
    env: MotoEnvironment, scanned: str, query: dict[str, str] | None
) -> None:
    missed = env.functions.submit(image_bytes(), "dog").body["request_id"]
    env.detector.unreadable = {hash_of(image_bytes(1))}
    broken = env.functions.submit(image_bytes(1)).body["request_id"]
    env.trigger.deliver_all()
    env.detector.errors.append((400, "ThrottlingException"))
    waiting = env.functions.submit(image_bytes(2)).body["request_id"]
    env.trigger.deliver()
    stands = [env.functions.get(request_id, query) for request_id in (scanned, missed, broken, waiting, "unknown")]
    env.clock.now += 81 * MINUTE
    stands.append(env.functions.get(waiting, query))
    statuses = [answer.body.get("status") for answer in stands]
    assert statuses == ["completed", "completed", "failed", "pending", None, "failed"]
    for answer in stands:
        assert_as_described("status", answer)


def test_an_unchanged_standing_is_answered_as_described(env: MotoEnvironment, scanned: str) -> None:
    of_request = {"pathParameters": {"request_id": scanned}}
    answer = invoke(env, "StatusFunction", "GET", **of_request, headers={"If-None-Match": "*"})
    assert answer.status == 304
    assert_as_described("status", answer)


def test_a_further_question_is_answered_as_described(env: MotoEnvironment, scanned: str) -> None:
    waiting = env.functions.submit(image_bytes(1)).body["request_id"]
    asked = {scanned: 200, waiting: 409, "unknown": 404}
    for request_id, status in asked.items():
        of_request = {"pathParameters": {"request_id": request_id}}
        answer = post(env, "/scanrequest/{request_id}/questions", {"labels": ["dog", "cat"]}, **of_request)
        assert answer.status == status
        assert_as_described("ask", answer)


@pytest.mark.usefixtures("scanned")
def test_many_are_answered_as_described(env: MotoEnvironment) -> None:
    answer = post(env, "/scanrequests", {"entries": [announced(0), announced(1), announced(2, label="")]})
    assert [each["status_code"] for each in answer.body["results"]] == [200, 202, 400]
    assert_as_described("submitMany", answer)
    assert_as_described("submitMany", post(env, "/scanrequests", {"entries": []}))


def test_a_list_is_answered_as_described(env: MotoEnvironment, scanned: str) -> None:
    env.functions.submit(image_bytes(1))
    waiting = env.functions.submit(image_bytes(2)).body["request_id"]
    for query in ({}, {"limit": "1"}, {"status": "other"}, {"ids": f"{waiting},{scanned},unknown"}, {"ids": ""}):
        assert_as_described("list", invoke(env, "ListRequestsFunction", "GET", queryStringParameters=query))


def test_a_deletion_is_answered_as_described(env: MotoEnvironment, scanned: str) -> None:
    for status in (204, 404):
        answer = invoke(env, "DeleteFunction", "DELETE", pathParameters={"request_id": scanned})
        assert answer.status == status
        assert_as_described("delete", answer)


@pytest.mark.usefixtures("scanned")
def test_stats_are_answered_as_described(env: MotoEnvironment) -> None:
    env.streams.deliver_all()
    answer = invoke(env, "StatsFunction", "GET")
    assert answer.body["scans"] == 1
    assert_as_described("stats", answer)


def test_what_an_answer_says_of_labels_is_described_whatever_rekognition_says(env: MotoEnvironment) -> None:
    env.detector.labels = {hash_of(image_bytes()): [label("Dog", 99.0), label("Cat", 60.0), label("Car", 40.0)]}
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    env.trigger.deliver_all()
    assert_as_described("status", env.functions.get(request_id))
