from dataclasses import replace
from typing import Any

import pytest

from imagescan.api import serializers
from imagescan.domain.image_record import Failure, Image, Scan, Status
from imagescan.domain.labels import Box, Label
from imagescan.domain.question import MatchMode, Question, evaluate
from imagescan.domain.scan_request import TIMED_OUT, FollowUpAnswer, ScanRequest, Upload, with_answer

REQUEST = ScanRequest("r", "h", "images/h.jpg", Question(("cat",), 90), created_at=0.5, deadline=3600)
CAT = Label("Cat", 97.31, ("Animal",), ("Feline",), ("Animals and Pets",), (Box(0.1, 0.2, 0.3, 0.4, 96.0),))
DOG = Label("Dog", 62.0)


def of(scan: Scan | None, now: float = 1, **changes: Any) -> ScanRequest:
    request = replace(REQUEST, **changes)
    return with_answer(request, Image("h", scan=scan), now) or request


def seen(*labels: Label) -> Scan:
    return Scan(Status.COMPLETED, 1.0, labels, "3.0", scanned_for="r")


def test_every_key_is_there_whatever_the_status() -> None:
    bodies = [
        serializers.request_body(of(None)),
        serializers.request_body(of(seen(CAT))),
        serializers.request_body(of(None, now=1e6)),
    ]
    assert len({frozenset(body) for body in bodies}) == 1


def test_while_pending_nothing_is_claimed() -> None:
    body = serializers.request_body(of(None))
    assert (body["status"], body["label_matched"], body["match"], body["labels"]) == ("pending", None, None, [])
    assert (body["created_at"], body["completed_at"]) == ("1970-01-01T00:00:00.500Z", None)


def test_a_match_is_explained() -> None:
    body = serializers.request_body(of(seen(DOG, CAT)))
    assert body["label_matched"] is True
    assert body["match"] == {
        "label": "Cat",
        "confidence": 97.31,
        "matched_by": "name",
        "boxes": [{"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4, "confidence": 96.0}],
    }
    assert [label["name"] for label in body["labels"]] == ["Cat", "Dog"]
    assert (body["model_version"], body["scan_reused"], body["closest_labels"]) == ("3.0", False, [])


@pytest.mark.parametrize(
    ("labels", "mode", "sentence"),
    [
        (["cat"], MatchMode.ANY, "Yes: the image shows 'cat' (97.3 %)."),
        (["feline"], MatchMode.ANY, "Yes: the image shows 'feline' (97.3 %, found as 'Cat' by its alias)."),
        (["car"], MatchMode.ANY, "No: the image shows no 'car' at 90 % or more."),
        (["car", "cat"], MatchMode.ANY, "Yes: the image shows 'cat' (97.3 %)."),
        (["car", "bus"], MatchMode.ANY, "No: the image shows no 'car' and no 'bus' at 90 % or more."),
        (
            ["cat", "feline"],
            MatchMode.ALL,
            "Yes: the image shows 'cat' (97.3 %), 'feline' (97.3 %, found as 'Cat' by its alias).",
        ),
        (["car", "cat"], MatchMode.ALL, "No: the image shows no 'car' at 90 % or more."),
        (["car", "bus"], MatchMode.NONE, "Yes: the image shows no 'car' and no 'bus' at 90 % or more."),
        (["car", "cat"], MatchMode.NONE, "No: the image shows 'cat' (97.3 %)."),
    ],
)
def test_the_message_names_what_decided_the_answer(labels: list[str], mode: MatchMode, sentence: str) -> None:
    body = serializers.request_body(of(seen(CAT), question=Question(tuple(labels), 90, mode)))
    assert body["message"] == sentence
    assert body["label_matched"] is sentence.startswith("Yes")


def test_every_asked_label_is_explained() -> None:
    body = serializers.request_body(of(seen(CAT, DOG), question=Question(("feline", "dog"), 90, MatchMode.ALL)))
    feline, dog = body["results"]
    assert (feline["label"], feline["matched"], feline["match"]["matched_by"]) == ("feline", True, "alias")
    assert (dog["label"], dog["matched"], dog["match"], dog["closest_labels"][0]["name"]) == ("dog", False, None, "Dog")
    assert (body["labels_asked"], body["match_mode"], body["label"]) == (["feline", "dog"], "all", "feline")


def test_a_further_question_is_answered_in_the_same_words() -> None:
    request = of(seen(CAT), reference="order 7")
    question = Question(("dog",), 50)
    told = serializers.follow_up_body(FollowUpAnswer(request, question, evaluate(question, (CAT,))))
    again = serializers.request_body(replace(request, question=question, answer=None))
    assert told["message"] == "No: the image shows no 'dog' at 50 % or more."
    assert (told["request_id"], told["reference"], told["label_matched"]) == ("r", "order 7", False)
    assert {key: told[key] for key in ("label", "labels_asked", "min_confidence")} == {
        key: again[key] for key in ("label", "labels_asked", "min_confidence")
    }


def test_while_bytes_are_awaited_it_says_where_to_send_them() -> None:
    body = serializers.request_body(
        of(None, awaits_upload=True), upload=Upload("https://bucket/key", {"Content-Type": "image/png"}, 900.0)
    )
    assert body["upload"] == {
        "method": "PUT",
        "url": "https://bucket/key",
        "headers": {"Content-Type": "image/png"},
        "expires_at": "1970-01-01T00:15:00.000Z",
    }
    assert body["message"].startswith("The image is waiting for its upload or its scan.")


def test_a_miss_names_what_comes_nearest() -> None:
    body = serializers.request_body(of(seen(DOG)))
    assert (body["label_matched"], body["match"], [label["name"] for label in body["closest_labels"]]) == (
        False,
        None,
        ["Dog"],
    )


@pytest.mark.parametrize(
    ("request_row", "failure"),
    [
        (
            of(Scan(Status.FAILED, 1.0, failure=Failure("image_invalid", "Unreadable."))),
            Failure("image_invalid", "Unreadable."),
        ),
        (of(None, now=1e6), TIMED_OUT),
    ],
)
def test_a_failure_has_a_reason_and_no_verdict(request_row: ScanRequest, failure: Failure) -> None:
    body = serializers.request_body(request_row)
    assert (body["status"], body["label_matched"], body["message"]) == ("failed", None, failure.message)
    assert body["failure"] == {"code": failure.code, "message": failure.message}


@pytest.mark.parametrize(("scanned_for", "shown"), [("r", "r"), ("somebody else's", None), (None, None)])
def test_debug_data_names_no_request_but_its_own(scanned_for: str | None, shown: str | None) -> None:
    request = of(replace(seen(CAT), scanned_for=scanned_for))
    assert serializers.debug_data(request, None)["scanned_for"] == shown


def test_debug_data_shows_the_row_that_was_read() -> None:
    debug = serializers.debug_data(REQUEST, Image("h", attempts=2, lease_until=90.0))
    assert debug["image"] == {
        "attempts": 2,
        "lease_until": "1970-01-01T00:01:30.000Z",
        "requeued_at": None,
        "deferred_until": None,
        "is_terminal": False,
    }
    assert serializers.debug_data(REQUEST, None)["image"] is None


def test_while_its_image_waits_for_budget_it_says_until_when() -> None:
    body = serializers.request_body(of(None), Image("h", deferred_at=(1.0,)))
    assert (body["status"], body["label_matched"]) == ("pending", None)
    assert "1970-01-02 (UTC)" in body["message"]
    assert body["deadline"].startswith("1970-01-02T")
