import pytest

from imagescan.domain.errors import Conflict
from imagescan.domain.image_record import Failure, Image, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest, with_answer
from imagescan.use_cases.ask_follow_up import ask_follow_up
from testing.fakes import FakeImages, FakeRequests, by_feature

SCAN = Scan(Status.COMPLETED, 990, (Label("Cat", 97),), "3.0", scanned_for="earlier")
REJECTED = Scan(Status.FAILED, 990, failure=Failure("image_invalid", "The image is corrupt."))
PENDING = ScanRequest("r", "h", "images/h.png", Question(("cat",), 90), created_at=1000, deadline=4600)
FOLLOW_UP = Question(("dog", "cat"), 50)


def settled(scan: Scan) -> ScanRequest:
    request = with_answer(PENDING, by_feature(Image("h", scan=scan)), 1001)
    assert request
    return request


def test_a_follow_up_question_is_answered_from_stored_labels_without_a_write() -> None:
    requests = FakeRequests(stored={"r": settled(SCAN)})
    before = dict(requests.stored)
    answer = ask_follow_up("r", FOLLOW_UP, images=FakeImages(), requests=requests, now=2000)
    assert [result.matched for result in answer.verdict.results] == [False, True]
    assert requests.stored == before


@pytest.mark.parametrize(
    ("request_item", "now", "code"),
    [
        (PENDING, 1001, "request_pending"),
        (PENDING, 99_999, "labels_unavailable"),
        (settled(REJECTED), 1001, "labels_unavailable"),
    ],
)
def test_a_follow_up_question_without_labels_is_rejected(request_item: ScanRequest, now: float, code: str) -> None:
    requests = FakeRequests(stored={"r": request_item})
    with pytest.raises(Conflict) as raised:
        ask_follow_up("r", FOLLOW_UP, images=FakeImages(), requests=requests, now=now)
    assert raised.value.code == code
