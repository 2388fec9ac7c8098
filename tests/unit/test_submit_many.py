import json
from typing import Any

from imagescan.api import request_models
from imagescan.api.submit_batch import submit_entries, to_result
from imagescan.domain.image_record import Image, Scan, Status
from imagescan.domain.labels import Box, Label
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest, with_answer
from imagescan.use_cases.submit_request import SubmitResult

LAMBDA_ANSWERS_BYTES = 6 * 1024 * 1024
ENTRY: dict[str, Any] = {"sha256": "ab" * 32, "size": 100, "fileType": "image/png"}


def accept(sent: request_models.SubmitBody, _key: str | None) -> SubmitResult:
    """Takes all but what refers to a broken database."""
    if sent.reference == "broken":
        raise ConnectionError
    return SubmitResult(ScanRequest("r", "h", "k", Question(("cat",), 90), created_at=1, deadline=2))


def test_25_of_the_fullest_answers_are_less_than_lambda_lets_through() -> None:
    boxes = tuple(Box(0.123456, 0.123456, 0.123456, 0.123456, 99.123456) for _ in range(100))
    crowd = tuple(Label("x" * 100, 99.123456 - at, boxes=boxes) for at in range(50))
    asked = Question(tuple(f"{at:0100}" for at in range(25)), 90)
    request = ScanRequest("r", "h", "k", asked, created_at=1, deadline=2)
    image = Image("h", scan=Scan(Status.COMPLETED, 1, (*crowd, Label(asked.labels[0], 99, boxes=boxes)), "3.0"))
    submitted = SubmitResult(with_answer(request, image, 1) or request, image)
    results = [to_result(result) for result in submit_entries([ENTRY] * 25, None, lambda *_: submitted)]
    assert results[0]["request"]["label_matched"] is True
    assert len(json.dumps({"results": results})) < LAMBDA_ANSWERS_BYTES / 2


def test_an_entry_that_breaks_does_not_hide_that_others_were_accepted() -> None:
    entries = [ENTRY, ENTRY | {"reference": "broken"}, ENTRY]
    first, broken, last = (to_result(result) for result in submit_entries(entries, None, accept))
    assert first["request"]["request_id"] == last["request"]["request_id"] == "r"
    assert (broken["status_code"], broken["request"], broken["error"]["code"]) == (500, None, "internal_error")
