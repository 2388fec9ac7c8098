"""The command line reads the response bodies that the code of the service writes."""

import json
from dataclasses import replace

import pytest

from imagescan.api.serializers import batch_entry_body, follow_up_body, request_body, request_summary, stats_body
from imagescan.domain.feature import Feature as DomainFeature
from imagescan.domain.image_record import Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.match import Finding as DomainFinding
from imagescan.domain.moderation import ModerationLabel
from imagescan.domain.question import Question, evaluate
from imagescan.domain.scan_request import Answer, FollowUpAnswer, ScanRequest
from imagescan.domain.stats import Totals
from imagescan.domain.text import TextLine
from imagescan_cli.features import Feature, findings, with_empty_findings
from imagescan_cli.formatting import format_result
from imagescan_cli.schemas import RequestJson, is_follow_up_answer, is_request, is_statistics
from imagescan_cli.tables import format_requests, format_statistics

HASH = "ab" * 32
POLYGON = ((0.1, 0.2), (0.6, 0.2), (0.6, 0.3), (0.1, 0.3))
FOUND: dict[DomainFeature, tuple[DomainFinding, ...]] = {
    DomainFeature.LABELS: (Label("Cat", 98.6642),),
    DomainFeature.MODERATION: (ModerationLabel("Drinking", 91.53, ("Alcohol",), 2),),
    DomainFeature.TEXT: (TextLine("BIG SALE", 99.12, POLYGON),),
}
ALL = Question(("cat",), 90, others=((DomainFeature.MODERATION, ("*",)), (DomainFeature.TEXT, ("sale",))))
ONLY_SCANNED = Question((), 90, others=((DomainFeature.LABELS, ()), (DomainFeature.TEXT, ())))
LABELS = Question(("dog",), 90)
QUESTIONS = pytest.mark.parametrize("question", [ALL, ONLY_SCANNED, LABELS])


def pending(question: Question) -> ScanRequest:
    return ScanRequest("r1", HASH, f"{HASH}.jpg", question, created_at=0, deadline=60, reference="a.jpg")


def completed(question: Question) -> ScanRequest:
    scans = tuple(Scan(Status.COMPLETED, 1, FOUND[each], "3.0", feature=each) for each in question.features)
    answer = Answer(Status.COMPLETED, 1, scans, evaluate(question, FOUND))
    return replace(pending(question), answer=answer)


def sent(body: object) -> RequestJson:
    """Return a body as a client receives it."""
    received: RequestJson = json.loads(json.dumps(body))
    return received


@QUESTIONS
def test_requests_of_the_service_are_valid(question: Question) -> None:
    for request in (pending(question), completed(question)):
        for body in (
            request_body(request),
            request_summary(request, now=0),
            batch_entry_body(request, None, None, now=0),
        ):
            assert is_request(sent(body))


@QUESTIONS
def test_pending_request_of_a_batch_is_completed_to_what_a_single_response_contains(question: Question) -> None:
    request = pending(question)
    shortened = sent(batch_entry_body(request, None, None, now=0))
    assert with_empty_findings(shortened) == sent(request_body(request, now=0))


def test_findings_of_each_feature_are_read() -> None:
    body = sent(request_body(completed(ALL)))
    assert {feature: findings(body, feature) for feature in Feature} == {
        Feature.LABELS: [("Cat", 98.6642)],
        Feature.MODERATION: [("Drinking", 91.53)],
        Feature.TEXT: [("BIG SALE", 99.12)],
    }


def test_features_that_the_request_does_not_need_have_no_findings() -> None:
    body = sent(request_body(completed(ONLY_SCANNED)))
    assert [findings(body, feature) is None for feature in Feature] == [False, True, False]
    assert findings(sent(request_body(completed(LABELS))), Feature.TEXT) is None
    assert findings(sent(request_summary(completed(ALL), now=0)), Feature.TEXT) is None


@pytest.mark.parametrize(
    ("question", "line"),
    [
        (
            ALL,
            (
                "a.jpg: Yes: the image contains 'cat' (98.7%), the moderation label 'Drinking' (91.5%), the text "
                "'sale' (99.1%). "
                'Labels: Cat 98.7%. Moderation: Drinking 91.5%. Text: "BIG SALE" 99.1%. [r1]'
            ),
        ),
        (
            ONLY_SCANNED,
            (
                "a.jpg: The image was scanned for labels and text. The request asked no question. Labels: Cat 98.7%. "
                'Text: "BIG SALE" 99.1%. [r1]'
            ),
        ),
        (LABELS, "a.jpg: No: 'dog' was not found with a confidence of 90% or higher. [r1]"),
    ],
)
def test_line_of_a_result(question: Question, line: str) -> None:
    assert format_result(sent(request_body(completed(question))), "a.jpg") == line


@pytest.mark.parametrize(
    ("question", "verdict"),
    [(ALL, "yes (cat, moderation:any, text:sale)"), (ONLY_SCANNED, "scanned (labels, text)"), (LABELS, "no (dog)")],
)
def test_row_of_a_list(question: Question, verdict: str) -> None:
    _, row = format_requests([sent(request_summary(completed(question), now=0))], now=60, width=None)
    assert row == f"1m   a.jpg  {verdict}  r1"


@QUESTIONS
def test_answers_to_follow_up_questions_are_valid(question: Question) -> None:
    answer = FollowUpAnswer(completed(question), question, evaluate(question, FOUND))
    assert is_follow_up_answer(sent(follow_up_body(answer)))


def test_statistics_are_printed_by_feature() -> None:
    body = sent(stats_body(Totals(images=3, scans=3, text_images=1, text_scans=1), now=0))
    assert is_statistics(body)
    assert format_statistics(body)[:4] == [
        "Images         3",
        "  labels       2",
        "  moderation   0",
        "  text         1",
    ]


def test_avoided_scans_are_printed_by_reason() -> None:
    body = sent(stats_body(Totals(scans_avoided=3, text_scans_avoided=1, copies=2), now=0))
    assert is_statistics(body)
    printed = format_statistics(body)
    start = printed.index("Scans avoided  5")
    assert printed[start : start + 6] == [
        "Scans avoided  5",
        "  by bytes     3",
        "  by content   2",
        "  labels       4",
        "  moderation   0",
        "  text         1",
    ]
