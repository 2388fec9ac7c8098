import json
from typing import Any

from imagescan.handlers import bodies
from imagescan.handlers.submit_many import each_by_itself, told
from imagescan.labels import Box, Label, Question
from imagescan.requests import Image, Scan, ScanRequest, Status, settled
from imagescan.submit import Submitted

LAMBDA_ANSWERS_BYTES = 6 * 1024 * 1024
ENTRY: dict[str, Any] = {"sha256": "ab" * 32, "size": 100, "fileType": "image/png"}


def accept(sent: bodies.SubmitBody, _key: str | None) -> Submitted:
    """Takes all but what refers to a broken database."""
    if sent.reference == "broken":
        raise ConnectionError
    return Submitted(ScanRequest("r", "h", "k", Question(("cat",), 90), created_at=1, deadline=2))


def test_25_of_the_fullest_answers_are_less_than_lambda_lets_through() -> None:
    boxes = tuple(Box(0.123456, 0.123456, 0.123456, 0.123456, 99.123456) for _ in range(100))
    crowd = tuple(Label("x" * 100, 99.123456 - at, boxes=boxes) for at in range(50))
    asked = Question(tuple(f"{at:0100}" for at in range(25)), 90)
    request = ScanRequest("r", "h", "k", asked, created_at=1, deadline=2)
    image = Image("h", scan=Scan(Status.COMPLETED, 1, (*crowd, Label(asked.labels[0], 99, boxes=boxes)), "3.0"))
    submitted = Submitted(settled(request, image, 1) or request, image)
    results = [told(result) for result in each_by_itself([ENTRY] * 25, None, lambda *_: submitted)]
    assert results[0]["request"]["label_matched"] is True
    assert len(json.dumps({"results": results})) < LAMBDA_ANSWERS_BYTES / 2


def test_an_entry_that_breaks_does_not_hide_that_others_were_accepted() -> None:
    entries = [ENTRY, ENTRY | {"reference": "broken"}, ENTRY]
    first, broken, last = (told(result) for result in each_by_itself(entries, None, accept))
    assert first["request"]["request_id"] == last["request"]["request_id"] == "r"
    assert (broken["status_code"], broken["request"], broken["error"]["code"]) == (500, None, "internal_error")
