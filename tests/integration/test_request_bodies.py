"""Byte order marks and unknown fields, through the functions of the API."""

import json
from typing import Any

import pytest

from testing.functions import ApiResponse, image_bytes, proxy_event
from testing.moto_environment import MotoEnvironment, hash_of
from testing.resources import REQUESTS

IMAGE: dict[str, Any] = {"sha256": hash_of(image_bytes()), "size": len(image_bytes()), "fileType": "image/png"}


def submit_batch(env: MotoEnvironment, body: dict[str, Any]) -> ApiResponse:
    event = proxy_event("POST", json.dumps(body)) | {"resource": "/scanrequests"}
    return ApiResponse(env.functions.invoke("SubmitFunction", event))


def test_a_body_may_begin_with_a_byte_order_mark(env: MotoEnvironment) -> None:
    assert env.functions.post("\ufeff" + json.dumps(IMAGE)).status == 202


def test_a_misspelled_field_is_rejected_and_nothing_is_stored(env: MotoEnvironment) -> None:
    response = env.functions.post(IMAGE | {"lable": "dog"})
    assert (response.status, response.body["code"]) == (400, "unknown_field")
    assert response.body["message"] == "Unknown field 'lable'. Did you mean 'label'?"
    assert env.resources.items(REQUESTS) == []


def test_a_misspelled_field_of_an_entry_rejects_only_that_entry(env: MotoEnvironment) -> None:
    response = submit_batch(env, {"entries": [IMAGE | {"lable": "dog"}, IMAGE | {"debugData": "Y"}]})
    assert response.status == 200
    assert [result["status_code"] for result in response.body["results"]] == [400, 202]
    assert response.body["results"][0]["error"]["code"] == "unknown_field"


def test_an_unknown_field_next_to_the_entries_rejects_the_batch(env: MotoEnvironment) -> None:
    response = submit_batch(env, {"entries": [IMAGE], "label": "dog"})
    assert (response.status, response.body["code"]) == (400, "unknown_field")
    assert env.resources.items(REQUESTS) == []


@pytest.mark.parametrize("body", [{"lable": "dog"}, {"label": "dog", "minConfidence": 80}])
def test_a_follow_up_question_with_a_misspelled_field_is_rejected(env: MotoEnvironment, body: dict[str, Any]) -> None:
    request_id = env.functions.post(IMAGE).body["request_id"]
    event = proxy_event("POST", json.dumps(body)) | {"pathParameters": {"request_id": request_id}}
    response = ApiResponse(env.functions.invoke("AskFollowUpFunction", event))
    assert (response.status, response.body["code"]) == (400, "unknown_field")
