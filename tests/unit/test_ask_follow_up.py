from dataclasses import replace

import pytest

from imagescan.domain.errors import Conflict
from imagescan.domain.feature import Feature
from imagescan.domain.image_record import Failure, Image, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest, with_answer
from imagescan.domain.text import TextLine
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


# ---------------------------------------------------------------- features

TEXT_SCAN = Scan(Status.COMPLETED, 990, (TextLine("Big SALE", 99, ()),), "3.1", feature=Feature.TEXT)
FOR_TEXT = ((Feature.TEXT, ("sale",)),)


def answered(labels: tuple[str, ...], others: tuple[tuple[Feature, tuple[str, ...]], ...] = ()) -> FakeRequests:
    items = by_feature(Image("h", scan=SCAN), Image("h#text", scan=TEXT_SCAN))
    request = with_answer(replace(PENDING, question=Question(labels, 90, others=others)), items, 1001)
    assert request
    return FakeRequests(stored={"r": request})


@pytest.mark.parametrize(
    ("labels", "others", "results"),
    [
        ((), ((Feature.TEXT, ("sale", "exit")),), [True, False]),
        (("cat",), ((Feature.TEXT, ("big",)),), [True, True]),
        (("cat",), (), [True]),
    ],
)
def test_a_follow_up_question_can_be_about_every_feature_that_was_scanned(
    labels: tuple[str, ...], others: tuple[tuple[Feature, tuple[str, ...]], ...], results: list[bool]
) -> None:
    question = Question(labels, 50, others=others)
    answer = ask_follow_up("r", question, images=FakeImages(), requests=answered(("cat",), FOR_TEXT), now=2000)
    assert [result.matched for result in answer.verdict.results] == results


@pytest.mark.parametrize(
    ("requests", "question", "hint"),
    [
        (
            answered(("cat",)),
            Question((), 90, others=FOR_TEXT),
            "'text'. Submit the image again with 'features': [\"text\"].",
        ),
        (answered((), FOR_TEXT), FOLLOW_UP, "'labels'. Submit the image again with 'features': [\"labels\"]."),
        (
            answered((), FOR_TEXT),
            Question(("cat",), 90, others=((Feature.MODERATION, ("*",)), *FOR_TEXT)),
            "'labels' and 'moderation'. Submit the image again with 'features': [\"labels\", \"moderation\"].",
        ),
        (answered(("cat",)), Question((), 90, others=((Feature.TEXT, ()),)), "'text'."),
    ],
)
def test_a_follow_up_question_about_a_feature_that_was_not_scanned_says_how_to_scan_it(
    requests: FakeRequests, question: Question, hint: str
) -> None:
    with pytest.raises(Conflict) as raised:
        ask_follow_up("r", question, images=FakeImages(), requests=requests, now=2000)
    assert raised.value.code == "feature_not_scanned"
    assert f"This request was not scanned for {hint}" in raised.value.message


def test_a_request_that_failed_in_one_feature_answers_no_follow_up_question() -> None:
    items = by_feature(Image("h", scan=SCAN), Image("h#text", scan=replace(REJECTED, feature=Feature.TEXT)))
    request = with_answer(replace(PENDING, question=Question(("cat",), 90, others=FOR_TEXT)), items, 1001)
    assert request
    requests = FakeRequests(stored={"r": request})
    with pytest.raises(Conflict) as raised:
        ask_follow_up("r", FOLLOW_UP, images=FakeImages(), requests=requests, now=2000)
    assert raised.value.code == "labels_unavailable"
