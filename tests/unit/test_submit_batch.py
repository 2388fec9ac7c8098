import json
from typing import Any

from imagescan.api.request_factory import Submission
from imagescan.api.submit_batch import submit_entries, to_result
from imagescan.domain.image_record import Image, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.match import Box
from imagescan.domain.question import Question
from imagescan.domain.scan_request import DeletedRequest, ScanRequest
from imagescan.settings import SubmitSettings
from testing.fakes import FakeBucket, FakeImages, FakeRequests

LAMBDA_MAX_RESPONSE_BYTES = 6 * 1024 * 1024
HASH = "ab" * 32
ENTRY: dict[str, Any] = {"sha256": HASH, "size": 100, "fileType": "image/png"}
SETTINGS = SubmitSettings(
    "images",
    "requests",
    "bucket",
    "cat",
    90,
    60,
    retention_days=30,
    counters_table="counters",
    daily_limit_per_caller=0,
)


class UnavailableForOneReference(FakeRequests):
    """A requests table that fails for the reference ``unavailable``."""

    def put(self, request: ScanRequest) -> ScanRequest | DeletedRequest:
        if request.reference == "unavailable":
            raise ConnectionError
        return super().put(request)


def submission(images: FakeImages, requests: FakeRequests) -> Submission:
    return Submission(images, requests, FakeBucket(), SETTINGS, caller=None, now=1000.0)


def test_25_of_the_largest_results_are_well_below_the_limit_of_lambda() -> None:
    boxes = tuple(Box(0.123456, 0.123456, 0.123456, 0.123456, 99.123456) for _ in range(100))
    crowd = tuple(Label("x" * 100, 99.123456 - at, boxes=boxes) for at in range(50))
    question = Question(tuple(f"{at:0100}" for at in range(25)), 90)
    scan = Scan(Status.COMPLETED, 1, (*crowd, Label(question.labels[0], 99, boxes=boxes)), "3.0")
    images = FakeImages({HASH: Image(HASH, scan=scan)})
    entry = ENTRY | {"labels": list(question.labels), "min_confidence": 90}
    results = [
        to_result(result, 1) for result in submit_entries([entry] * 25, None, submission(images, FakeRequests()))
    ]
    assert {result["status_code"] for result in results} == {200}
    assert results[0]["request"]["label_matched"] is True
    assert len(json.dumps({"results": results})) < LAMBDA_MAX_RESPONSE_BYTES / 2


def test_an_unexpected_error_in_one_entry_does_not_hide_that_others_were_accepted() -> None:
    entries = [ENTRY, ENTRY | {"reference": "unavailable"}, ENTRY]
    requests = UnavailableForOneReference()
    results = submit_entries(entries, None, submission(FakeImages(), requests))
    first, failed, last = (to_result(result, 1) for result in results)
    assert {first["request"]["request_id"], last["request"]["request_id"]} == set(requests.stored)
    assert (failed["status_code"], failed["request"], failed["error"]["code"]) == (500, None, "internal_error")


def test_entries_without_their_own_key_use_the_header_and_their_index() -> None:
    requests = FakeRequests()
    entries = [ENTRY, ENTRY, ENTRY | {"idempotency_key": "own"}]
    for _ in range(2):
        submit_entries(entries, "header", submission(FakeImages(), requests))
    assert len(requests.stored) == 3
