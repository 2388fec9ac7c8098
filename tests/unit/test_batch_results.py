"""Responses with several results stay within Lambda's limit of 6 MB."""

import json
from http import HTTPStatus
from typing import Any

import pytest

from imagescan.api import batch_results, http, serializers
from imagescan.domain.image_record import Image, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.match import Box
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest, with_answer
from testing.fakes import by_feature

LAMBDA_MAX_RESPONSE_BYTES = 6 * 1024 * 1024
BOX = Box(0.123456, 0.123456, 0.123456, 0.123456, 99.123456)


def result_with(label: Label, reference: str = "r") -> batch_results.BatchItemResult:
    """Return the result for a request whose image has this one label."""
    request = ScanRequest("r", "h", "k", Question(("cat",), 90), created_at=1, deadline=2, reference=reference)
    answered = with_answer(request, by_feature(Image("h", scan=Scan(Status.COMPLETED, 1, (label,), "3.0"))), 1)
    assert answered
    return batch_results.success(HTTPStatus.OK, serializers.request_body(answered))


def person_with(boxes: int) -> Label:
    return Label("Person", 99, boxes=(BOX,) * boxes)


def lambda_response(results: list[batch_results.BatchItemResult]) -> bytes:
    """Return what the runtime sends: the handler's response as JSON, which contains the body as a string."""
    return json.dumps(http.response(200, {"results": results})).encode()


@pytest.mark.parametrize("reference", ["r", '"' * 1024, "\\" * 1024, "é" * 512, "\N{CAT FACE}" * 256, "\0" * 1024])
def test_100_results_fit_whatever_characters_their_references_contain(reference: str) -> None:
    results = [*batch_results.limit_size([result_with(person_with(100), reference)] * 100)]
    assert {each["status_code"] for each in results} == {200}
    assert len(lambda_response(results)) < LAMBDA_MAX_RESPONSE_BYTES


@pytest.mark.parametrize(
    "label", [person_with(1000), Label("Cat", 99, parents=("a",) * 20_000)], ids=["boxes", "quotes"]
)
def test_as_many_of_100_large_results_are_returned_as_fit(label: Label) -> None:
    results = [*batch_results.limit_size([result_with(label)] * 100)]
    assert {each["status_code"] for each in results} == {200, 413}
    assert batch_results.MAX_RESPONSE_BYTES * 0.9 < len(lambda_response(results)) < LAMBDA_MAX_RESPONSE_BYTES


def test_a_result_that_does_not_fit_is_replaced_by_an_error_without_affecting_other_results() -> None:
    small, large = result_with(person_with(1)), result_with(person_with(100))
    max_bytes = len(lambda_response([small, small]))
    results = [*batch_results.limit_size([small, large, small, small], max_bytes)]
    replaced: dict[str, Any] = results[1]
    assert [results[0], results[2]] == [small, small]
    assert (replaced["status_code"], replaced["request"], replaced["error"]["code"]) == (
        413,
        None,
        "response_too_large",
    )
    assert "on its own" in replaced["error"]["message"]
