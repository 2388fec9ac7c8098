"""What was asked at once is answered within what Lambda lets through."""

import json
from http import HTTPStatus
from typing import Any

import pytest

from imagescan.api import batch_results, http, serializers
from imagescan.domain.image_record import Image, Scan, Status
from imagescan.domain.labels import Box, Label
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest, with_answer

LAMBDA_ANSWERS_BYTES = 6 * 1024 * 1024
BOX = Box(0.123456, 0.123456, 0.123456, 0.123456, 99.123456)


def full(label: Label, reference: str = "r") -> batch_results.BatchItemResult:
    """A request whose image shows this one label."""
    request = ScanRequest("r", "h", "k", Question(("cat",), 90), created_at=1, deadline=2, reference=reference)
    stands = with_answer(request, Image("h", scan=Scan(Status.COMPLETED, 1, (label,), "3.0")), 1)
    assert stands
    return batch_results.success(HTTPStatus.OK, serializers.request_body(stands))


def boxed(boxes: int) -> Label:
    return Label("Person", 99, boxes=(BOX,) * boxes)


def as_lambda_sends_it(told: list[batch_results.BatchItemResult]) -> bytes:
    """The runtime writes what the handler returns as JSON, in which its body is a string."""
    return json.dumps(http.response(200, {"results": told})).encode()


@pytest.mark.parametrize("reference", ["r", '"' * 1024, "\\" * 1024, "é" * 512, "\N{CAT FACE}" * 256, "\0" * 1024])
def test_100_answers_get_through_whatever_their_references(reference: str) -> None:
    told = [*batch_results.limit_size([full(boxed(100), reference)] * 100)]
    assert {each["status_code"] for each in told} == {200}
    assert len(as_lambda_sends_it(told)) < LAMBDA_ANSWERS_BYTES


@pytest.mark.parametrize("label", [boxed(1000), Label("Cat", 99, parents=("a",) * 20_000)], ids=["boxes", "quotes"])
def test_of_100_of_the_fullest_answers_as_many_are_told_as_get_through(label: Label) -> None:
    told = [*batch_results.limit_size([full(label)] * 100)]
    assert {each["status_code"] for each in told} == {200, 413}
    assert batch_results.MAX_RESPONSE_BYTES * 0.9 < len(as_lambda_sends_it(told)) < LAMBDA_ANSWERS_BYTES


def test_what_has_no_room_is_to_be_asked_for_by_itself_and_spoils_no_other() -> None:
    small, large = full(boxed(1)), full(boxed(100))
    room = len(as_lambda_sends_it([small, small]))
    told = [*batch_results.limit_size([small, large, small, small], room)]
    refusal: dict[str, Any] = told[1]
    assert [told[0], told[2]] == [small, small]
    assert (refusal["status_code"], refusal["request"], refusal["error"]["code"]) == (413, None, "response_too_large")
    assert "by itself" in refusal["error"]["message"]
