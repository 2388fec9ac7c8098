"""A page of a list, and the results of a batch, fit into a response of a Lambda function."""

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from imagescan.api import batch_results, http, serializers
from imagescan.api.batch_results import MAX_RESPONSE_BYTES, count_fitting
from imagescan.api.request_models import MAX_ENTRIES, MAX_LABELS, MAX_REFERENCE_BYTES
from imagescan.domain.feature import OTHER_FEATURES, Feature, item_key
from imagescan.domain.image_record import Image, Scan, Status
from imagescan.domain.labels import MAX_LABEL_LENGTH, Label
from imagescan.domain.match import Box
from imagescan.domain.moderation import ModerationLabel
from imagescan.domain.question import MatchMode, Question
from imagescan.domain.scan_request import ScanRequest, Upload, with_answer
from imagescan.domain.text import TextLine
from testing.fakes import by_feature

if TYPE_CHECKING:
    from imagescan.domain.match import Finding

LAMBDA_RESPONSE_BYTES = 6 * 1024 * 1024
WIDEST = "\N{CAT FACE}"  # 12 bytes in the response, in which the body is a JSON string
LABELS = tuple(f"{number:02}{WIDEST * (MAX_LABEL_LENGTH - 2)}" for number in range(MAX_LABELS))
BOX = Box(0.123456, 0.123456, 0.123456, 0.123456, 99.1234)


def fullest_request(*, is_matched: bool) -> ScanRequest:
    """Return an answered request that asks for as much as possible, and whose message names each thing it asked for."""
    mode = MatchMode.ALL if is_matched else MatchMode.ANY
    question = Question(LABELS, 90, mode, tuple((feature, LABELS) for feature in OTHER_FEATURES))
    request = ScanRequest("r" * 36, "a" * 64, "k", question, 1, 2, reference="\0" * MAX_REFERENCE_BYTES)
    found: dict[Feature, tuple[Finding, ...]] = {
        Feature.LABELS: tuple(Label(name, 99.1234, boxes=(BOX,) * 100) for name in LABELS),
        Feature.MODERATION: tuple(ModerationLabel(name, 99.1234) for name in LABELS),
        Feature.TEXT: tuple(TextLine(name, 99.1234, ((0, 0), (1, 0), (1, 1))) for name in LABELS),
    }
    scans = [
        Scan(Status.COMPLETED, 1, found[feature] if is_matched else (), "3.0", feature=feature) for feature in Feature
    ]
    items = by_feature(*(Image(item_key("a" * 64, scan.feature), scan=scan) for scan in scans))
    answered = with_answer(request, items, 1)
    assert answered
    return answered


def response_size(body: dict[str, Any]) -> int:
    """Return the size of the response in the encoding of the Lambda runtime."""
    return len(json.dumps(http.response(200, body)))


@pytest.mark.parametrize("is_matched", [True, False])
def test_a_page_of_the_fullest_summaries_fits(is_matched: bool) -> None:
    summaries = [serializers.request_summary(fullest_request(is_matched=is_matched), now=1)] * 100
    assert response_size({"requests": summaries}) > LAMBDA_RESPONSE_BYTES
    fitting = summaries[: count_fitting(summaries)]
    size = response_size({"requests": fitting, "next_cursor": "c" * 100})
    assert MAX_RESPONSE_BYTES * 0.9 < size < LAMBDA_RESPONSE_BYTES


@pytest.mark.parametrize("is_matched", [True, False])
def test_a_batch_of_the_fullest_entries_fits(is_matched: bool) -> None:
    upload = Upload("u" * 4000, {"h" * 100: "v" * 100}, 1)
    entry = batch_results.success(
        HTTPStatus.OK, serializers.batch_entry_body(fullest_request(is_matched=is_matched), None, upload, now=1)
    )
    assert response_size({"results": [entry] * MAX_ENTRIES}) < LAMBDA_RESPONSE_BYTES


@pytest.mark.parametrize(
    ("sizes", "count"), [([], 0), ([10], 1), ([10, 10], 2), ([60, 60], 1), ([200], 1), ([200, 10], 1), ([10, 200], 1)]
)
def test_a_page_ends_before_the_first_body_that_does_not_fit_but_has_at_least_one(sizes: list[int], count: int) -> None:
    bodies: list[dict[str, Any]] = [{"a": "x" * (size - len(r'"{\"a\":\"\"}"'))} for size in sizes]
    assert count_fitting(bodies, max_bytes=100) == count
