"""Response bodies and messages of requests for features other than labels."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from imagescan.api import http, serializers
from imagescan.domain.feature import Feature, item_key
from imagescan.domain.image_record import Failure, Image, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.match import Finding
from imagescan.domain.moderation import ModerationLabel
from imagescan.domain.policy import DAY_SECONDS
from imagescan.domain.question import MatchMode, Question, evaluate
from imagescan.domain.scan_request import FollowUpAnswer, ScanRequest, with_answer
from imagescan.domain.stats import Totals
from imagescan.domain.text import TextLine, TextWord
from testing.fakes import by_feature

LABELS, MODERATION, TEXT = Feature
CAT = Label("Cat", 98.74)
BLADE = ModerationLabel("Bladed Weapon", 96.5, ("Violence", "Weapons"), level=3)
TILTED = ((0.2, 0.1), (0.6, 0.2), (0.5, 0.5), (0.1, 0.4))
SALE = TextLine("Big SALE", 99.14, TILTED, (TextWord("Big", 99.0, TILTED), TextWord("SALE", 99.3, TILTED)))
FINDINGS: dict[Feature, tuple[Finding, ...]] = {LABELS: (CAT,), MODERATION: (BLADE,), TEXT: (SALE,)}
VERSIONS = {LABELS: "3.0", MODERATION: "7.0", TEXT: "3.1"}
QUESTION = Question(("cat",), 90, others=((MODERATION, ("weapons",)), (TEXT, ("sale", "exit"))))
REQUEST = ScanRequest("r", "h", "uploads/r/h.jpg", QUESTION, created_at=0.5, deadline=3600)
BOX = {"left": 0.1, "top": 0.1, "width": 0.5, "height": 0.4}
POLYGON = [{"x": 0.2, "y": 0.1}, {"x": 0.6, "y": 0.2}, {"x": 0.5, "y": 0.5}, {"x": 0.1, "y": 0.4}]


def asking(labels: tuple[str, ...], mode: MatchMode = MatchMode.ANY, /, **others: tuple[str, ...]) -> Question:
    return Question(labels, 90, mode, tuple((Feature(name), asked) for name, asked in others.items()))


def scanned(feature: Feature, at: float = 1.0, scanned_for: str = "r") -> Image:
    scan = Scan(Status.COMPLETED, at, FINDINGS[feature], VERSIONS[feature], scanned_for=scanned_for, feature=feature)
    return Image(item_key("h", feature), attempts=1, first_leased_at=0.75, scan=scan)


def answered(question: Question = QUESTION, **changes: Any) -> ScanRequest:
    request = replace(REQUEST, question=question, **changes)
    answer = with_answer(request, by_feature(*map(scanned, Feature)), 2)
    assert answer
    return answer


def body_of(request: ScanRequest) -> dict[str, Any]:
    """Return the body as a client receives it."""
    body: dict[str, Any] = orjson.loads(http.response(200, serializers.request_body(request))["body"])
    return body


def test_a_body_contains_what_was_asked_and_found_for_each_feature() -> None:
    body = body_of(answered())
    assert {name: body[name] for name in ("label", "features", "labels_asked", "moderation_asked", "text_asked")} == {
        "label": "cat",
        "features": ["labels", "moderation", "text"],
        "labels_asked": ["cat"],
        "moderation_asked": ["weapons"],
        "text_asked": ["sale", "exit"],
    }
    assert [label["name"] for label in body["labels"]] == ["Cat"]
    assert body["moderation"] == {
        "labels": [
            {"name": "Bladed Weapon", "confidence": 96.5, "parents": ["Violence", "Weapons"], "taxonomy_level": 3}
        ],
        "model_version": "7.0",
    }
    words = [
        {"text": text, "confidence": confidence, "box": BOX, "polygon": POLYGON}
        for text, confidence in (("Big", 99.0), ("SALE", 99.3))
    ]
    line = {"text": "Big SALE", "confidence": 99.14, "box": BOX, "polygon": POLYGON, "words": words}
    assert body["text"] == {"lines": [line], "model_version": "3.1"}
    assert body["model_version"] == "3.0"


def test_each_result_names_its_feature_and_what_matches() -> None:
    results = body_of(answered())["results"]
    assert [(each["feature"], each["label"], each["matched"]) for each in results] == [
        ("labels", "cat", True),
        ("moderation", "weapons", True),
        ("text", "sale", True),
        ("text", "exit", False),
    ]
    assert results[1]["match"] == {
        "label": "Bladed Weapon",
        "confidence": 96.5,
        "matched_by": "parent",
        "boxes": [],
    }
    assert results[2]["match"] == {
        "label": "Big SALE",
        "confidence": 99.14,
        "matched_by": "text",
        "boxes": [BOX | {"confidence": 99.14}],
    }
    assert (results[3]["match"], results[3]["closest_labels"]) == (None, [])


def test_a_star_matches_by_any() -> None:
    [result] = body_of(answered(asking((), moderation=("*",))))["results"]
    assert (result["label"], result["match"]["matched_by"], result["match"]["label"]) == ("*", "any", "Bladed Weapon")


def test_a_miss_of_another_feature_has_no_closest_labels() -> None:
    body = body_of(answered(asking(("dog",), MatchMode.ALL, text=("exit",))))
    assert [len(result["closest_labels"]) for result in body["results"]] == [1, 0]
    assert body_of(answered(asking((), text=("exit",))))["closest_labels"] == []


@pytest.mark.parametrize("question", [asking(("cat",)), asking((), text=("sale",)), QUESTION])
def test_a_feature_that_was_not_requested_is_null_and_a_pending_one_is_empty(question: Question) -> None:
    pending, finished = body_of(replace(REQUEST, question=question)), body_of(answered(question))
    assert pending["features"] == finished["features"] == list(question.features)
    for feature, findings in ((MODERATION, "labels"), (TEXT, "lines")):
        if feature in question.features:
            assert pending[feature] == {findings: [], "model_version": None}
            assert len(finished[feature][findings]) == 1
        else:
            assert (pending[feature], finished[feature]) == (None, None)


def test_a_request_without_labels_has_no_label_and_no_model_version() -> None:
    body = body_of(answered(asking((), text=("sale",))))
    assert (body["label"], body["labels_asked"], body["labels"], body["model_version"]) == (None, [], [], None)
    assert (body["label_matched"], body["match"]["label"]) == (True, "Big SALE")


def test_a_request_that_asked_nothing_is_completed_without_a_verdict() -> None:
    body = body_of(answered(asking((), labels=(), text=())))
    assert (body["status"], body["label_matched"], body["match"], body["results"]) == ("completed", None, None, [])
    assert body["message"] == "The image was scanned for labels and text. The request asked no question."


def test_the_scan_fields_summarise_all_scans() -> None:
    items = by_feature(scanned(LABELS, 1.0, "other"), scanned(MODERATION, 3.0, "other"), scanned(TEXT, 2.0, "r"))
    request = with_answer(REQUEST, items, 4)
    assert request
    body = body_of(request)
    assert (body["scanned_at"], body["scan_reused"]) == ("1970-01-01T00:00:03.000Z", False)


def test_a_failed_request_names_the_feature_and_keeps_the_findings_of_the_others() -> None:
    corrupt = Failure("image_invalid", "The image is corrupt.")
    rejected = Image("h#text", scan=Scan(Status.FAILED, 1.0, failure=corrupt, feature=TEXT))
    request = with_answer(REQUEST, by_feature(scanned(LABELS), scanned(MODERATION), rejected), 2)
    assert request
    body = body_of(request)
    message = "Feature 'text': The image is corrupt."
    assert body["failure"] == {"code": "image_invalid", "message": message, "feature": "text"}
    assert (body["message"], body["label_matched"], body["results"]) == (message, None, [])
    assert (len(body["labels"]), len(body["moderation"]["labels"]), body["text"]["lines"]) == (1, 1, [])


def test_a_summary_contains_the_features_but_no_findings() -> None:
    full = serializers.request_body(answered())
    summary = serializers.request_summary(answered(), now=2)
    assert full.keys() - summary.keys() == {
        "labels", "moderation", "text", "results", "closest_labels", "upload",
    }  # fmt: skip
    assert {"features", "labels_asked", "moderation_asked", "text_asked"} <= summary.keys()
    assert summary.items() <= full.items()


def test_a_follow_up_answer_has_the_fields_of_a_question_about_features() -> None:
    question = asking((), MatchMode.ALL, moderation=("*",), text=("exit",))
    body = serializers.follow_up_body(FollowUpAnswer(answered(), question, evaluate(question, FINDINGS)))
    assert (body["label"], body["labels_asked"], body["moderation_asked"], body["text_asked"]) == (
        None, [], ["*"], ["exit"],
    )  # fmt: skip
    assert (body["features"], body["label_matched"]) == (["moderation", "text"], False)
    assert body["message"] == "No: the text 'exit' was not found with a confidence of 90% or higher."
    assert body.keys() <= body_of(answered()).keys()


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (
            asking(("cat",), MatchMode.ALL, moderation=("weapons",), text=("sale",)),
            (
                "Yes: the image contains 'cat' (98.7%), the moderation label 'weapons' (96.5%, matched 'Bladed Weapon' "
                "by parent), the text 'sale' (99.1%)."
            ),
        ),
        (
            asking((), moderation=("bladed weapon",)),
            "Yes: the image contains the moderation label 'bladed weapon' (96.5%).",
        ),
        (asking((), moderation=("*",)), "Yes: the image contains the moderation label 'Bladed Weapon' (96.5%)."),
        (
            asking((), MatchMode.NONE, moderation=("*",), text=("exit",)),
            "No: the image contains the moderation label 'Bladed Weapon' (96.5%).",
        ),
        (
            asking(("dog",), moderation=("gambling",), text=("exit",)),
            (
                "No: 'dog', the moderation label 'gambling' and the text 'exit' were not found with a confidence of "
                "90% or higher."
            ),
        ),
        (
            asking((), MatchMode.NONE, text=("exit", "closed")),
            "Yes: the text 'exit' and the text 'closed' were not found with a confidence of 90% or higher.",
        ),
        (asking(("cat",), text=()), "Yes: the image contains 'cat' (98.7%)."),
        (asking((), text=()), "The image was scanned for text. The request asked no question."),
        (
            asking((), labels=(), moderation=(), text=()),
            "The image was scanned for labels, moderation and text. The request asked no question.",
        ),
    ],
)
def test_the_message_names_what_decided_the_answer(question: Question, message: str) -> None:
    assert body_of(answered(question))["message"] == message


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (asking((), moderation=("*",)), "No: no moderation label was found with a confidence of 90% or higher."),
        (
            asking((), MatchMode.NONE, moderation=("*",)),
            "Yes: no moderation label was found with a confidence of 90% or higher.",
        ),
        (
            asking((), moderation=("*", "alcohol")),
            (
                "No: moderation labels and the moderation label 'alcohol' were not found with a confidence of 90% or "
                "higher."
            ),
        ),
    ],
)
def test_the_absence_of_every_moderation_label_is_a_sentence(question: Question, message: str) -> None:
    verdict = evaluate(question, {MODERATION: ()})
    body = serializers.follow_up_body(FollowUpAnswer(answered(), question, verdict))
    assert body["message"] == message


def test_a_request_whose_text_is_deferred_names_the_day() -> None:
    items = by_feature(scanned(LABELS), scanned(MODERATION), Image("h#text", deferred_at=(1.0,)))
    body = serializers.request_body(REQUEST, items, now=2.0)
    assert body["message"] == "The daily scan limit was reached. The image will be scanned on 1970-01-02 (UTC)."
    assert body["deadline"].startswith("1970-01-02T")
    assert serializers.request_body(REQUEST, items, now=DAY_SECONDS + 1.0)["message"].startswith("The image has not")


# ---------------------------------------------------------------- debug data and statistics


def test_debug_data_has_the_item_of_each_feature_that_the_request_needs() -> None:
    request = replace(answered(), awaits_upload=True)
    debug = serializers.debug_data(request, by_feature(scanned(LABELS), scanned(TEXT, scanned_for="other")))
    assert {name: debug[name] and debug[name]["is_terminal"] for name in ("image", "moderation", "text")} == {
        "image": True,
        "moderation": None,
        "text": True,
    }
    assert (debug["scanned_for"], debug["uploaded_at"]) == ("r", "1970-01-01T00:00:00.750Z")
    assert "other" not in str(debug)


def test_debug_data_of_a_request_for_labels_only_has_no_other_items() -> None:
    debug = serializers.debug_data(answered(asking(("cat",))), by_feature(*map(scanned, Feature)))
    assert {"moderation", "text"}.isdisjoint(debug)


def test_debug_data_of_a_request_without_labels_has_no_item_for_labels() -> None:
    debug = serializers.debug_data(answered(asking((), text=("sale",))), by_feature(scanned(TEXT)))
    assert (debug["image"], debug["text"]["attempts"]) == (None, 1)


def test_statistics_are_given_for_each_feature_and_for_all_together() -> None:
    totals = Totals(
        images=9, scans=12, scans_avoided=7, moderation_images=2, moderation_scans=3, moderation_scans_avoided=1,
        text_images=4, text_scans=5, text_scans_avoided=6, copies=5, text_copies=3,
    )  # fmt: skip
    body = orjson.loads(http.response(200, serializers.stats_body(totals, now=0.5))["body"])
    assert (body["images"], body["scans"], body["scans_avoided"]) == (9, 12, 12)
    assert body["scans_avoided_by"] == {"bytes": 7, "content": 5}
    assert body["by_feature"] == {
        "labels": {"images": 3, "scans": 4, "scans_avoided": 2, "scans_avoided_by": {"bytes": 0, "content": 2}},
        "moderation": {"images": 2, "scans": 3, "scans_avoided": 1, "scans_avoided_by": {"bytes": 1, "content": 0}},
        "text": {"images": 4, "scans": 5, "scans_avoided": 9, "scans_avoided_by": {"bytes": 6, "content": 3}},
    }
