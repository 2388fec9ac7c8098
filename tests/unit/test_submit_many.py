from typing import Any

from imagescan.handlers import bodies
from imagescan.handlers.submit_many import each_by_itself, told
from imagescan.labels import Question
from imagescan.requests import ScanRequest
from imagescan.submit import Submitted

ENTRY: dict[str, Any] = {"sha256": "ab" * 32, "size": 100, "fileType": "image/png"}


def accept(sent: bodies.SubmitBody, _key: str | None) -> Submitted:
    """Takes all but what refers to a broken database."""
    if sent.reference == "broken":
        raise ConnectionError
    return Submitted(ScanRequest("r", "h", "k", Question(("cat",), 90), created_at=1, deadline=2))


def test_an_entry_that_breaks_does_not_hide_that_others_were_accepted() -> None:
    entries = [ENTRY, ENTRY | {"reference": "broken"}, ENTRY]
    first, broken, last = (told(result) for result in each_by_itself(entries, None, accept))
    assert first["request"]["request_id"] == last["request"]["request_id"] == "r"
    assert (broken["status_code"], broken["request"], broken["error"]["code"]) == (500, None, "internal_error")
