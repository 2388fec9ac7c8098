from dataclasses import replace
from typing import Any

import pytest

from imagescan.api import serializers
from imagescan.domain.feature import Feature
from imagescan.domain.image_record import Failure, Image, Origin, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.match import Box
from imagescan.domain.question import MatchMode, Question, evaluate
from imagescan.domain.scan_request import TIMED_OUT, FollowUpAnswer, ScanRequest, Upload, with_answer
from imagescan.domain.stats import Totals
from testing.fakes import by_feature

REQUEST = ScanRequest("r", "h", "images/h.jpg", Question(("cat",), 90), created_at=0.5, deadline=3600)
CAT = Label("Cat", 97.31, ("Animal",), ("Feline",), ("Animals and Pets",), (Box(0.1, 0.2, 0.3, 0.4, 96.0),))
DOG = Label("Dog", 62.0)


def request_with(scan: Scan | None, now: float = 1, **changes: Any) -> ScanRequest:
    request = replace(REQUEST, **changes)
    return with_answer(request, by_feature(Image("h", scan=scan)), now) or request


def scan_with(*labels: Label) -> Scan:
    return Scan(Status.COMPLETED, 1.0, labels, "3.0", scanned_for="r")


def test_every_key_is_present_in_every_status() -> None:
    bodies = [
        serializers.request_body(request_with(None)),
        serializers.request_body(request_with(scan_with(CAT))),
        serializers.request_body(request_with(None, now=1e6)),
    ]
    assert len({frozenset(body) for body in bodies}) == 1


def test_a_pending_request_has_no_verdict_and_no_labels() -> None:
    body = serializers.request_body(request_with(None))
    assert (body["status"], body["label_matched"], body["match"], body["labels"]) == ("pending", None, None, [])
    assert (body["created_at"], body["completed_at"]) == ("1970-01-01T00:00:00.500Z", None)
    assert body["message"] == "The image has not been scanned yet. Retry shortly."


def test_a_match_has_its_label_confidence_kind_and_boxes() -> None:
    body = serializers.request_body(request_with(scan_with(DOG, CAT)))
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
        (["cat"], MatchMode.ANY, "Yes: the image contains 'cat' (97.3%)."),
        (["feline"], MatchMode.ANY, "Yes: the image contains 'feline' (97.3%, matched 'Cat' by alias)."),
        (["car"], MatchMode.ANY, "No: 'car' was not found with a confidence of 90% or higher."),
        (["car", "cat"], MatchMode.ANY, "Yes: the image contains 'cat' (97.3%)."),
        (["car", "bus"], MatchMode.ANY, "No: 'car' and 'bus' were not found with a confidence of 90% or higher."),
        (
            ["car", "bus", "tram"],
            MatchMode.ANY,
            "No: 'car', 'bus' and 'tram' were not found with a confidence of 90% or higher.",
        ),
        (
            ["cat", "feline"],
            MatchMode.ALL,
            "Yes: the image contains 'cat' (97.3%), 'feline' (97.3%, matched 'Cat' by alias).",
        ),
        (["car", "cat"], MatchMode.ALL, "No: 'car' was not found with a confidence of 90% or higher."),
        (["car", "bus"], MatchMode.NONE, "Yes: 'car' and 'bus' were not found with a confidence of 90% or higher."),
        (["car", "cat"], MatchMode.NONE, "No: the image contains 'cat' (97.3%)."),
    ],
)
def test_the_message_names_the_labels_that_decided_the_answer(
    labels: list[str], mode: MatchMode, sentence: str
) -> None:
    body = serializers.request_body(request_with(scan_with(CAT), question=Question(tuple(labels), 90, mode)))
    assert body["message"] == sentence
    assert body["label_matched"] is sentence.startswith("Yes")


def test_every_requested_label_has_a_result() -> None:
    question = Question(("feline", "dog"), 90, MatchMode.ALL)
    body = serializers.request_body(request_with(scan_with(CAT, DOG), question=question))
    feline, dog = body["results"]
    assert (feline["label"], feline["matched"], feline["match"]["matched_by"]) == ("feline", True, "alias")
    assert (dog["label"], dog["matched"], dog["match"], dog["closest_labels"][0]["name"]) == ("dog", False, None, "Dog")
    assert (body["labels_asked"], body["match_mode"], body["label"]) == (["feline", "dog"], "all", "feline")


def test_a_follow_up_answer_has_the_same_keys_as_a_request() -> None:
    request = request_with(scan_with(CAT), reference="order 7")
    question = Question(("dog",), 50)
    body = serializers.follow_up_body(FollowUpAnswer(request, question, evaluate(question, {Feature.LABELS: (CAT,)})))
    request_body = serializers.request_body(replace(request, question=question, answer=None))
    assert body["message"] == "No: 'dog' was not found with a confidence of 50% or higher."
    assert (body["request_id"], body["reference"], body["label_matched"]) == ("r", "order 7", False)
    assert body.keys() <= request_body.keys()
    assert {key: body[key] for key in ("label", "labels_asked", "match_mode", "min_confidence")} == {
        key: request_body[key] for key in ("label", "labels_asked", "match_mode", "min_confidence")
    }


def test_a_request_that_awaits_its_upload_contains_the_upload() -> None:
    body = serializers.request_body(
        request_with(None, awaits_upload=True), upload=Upload("https://bucket/key", {"Content-Type": "image/png"}, 900)
    )
    assert body["upload"] == {
        "method": "PUT",
        "url": "https://bucket/key",
        "headers": {"Content-Type": "image/png"},
        "expires_at": "1970-01-01T00:15:00.000Z",
    }
    assert body["message"].startswith("Waiting for the image upload or its scan.")


def test_a_miss_lists_the_closest_labels() -> None:
    body = serializers.request_body(request_with(scan_with(DOG)))
    closest = [label["name"] for label in body["closest_labels"]]
    assert (body["label_matched"], body["match"], closest) == (False, None, ["Dog"])


@pytest.mark.parametrize(
    ("request_item", "failure"),
    [
        (
            request_with(Scan(Status.FAILED, 1.0, failure=Failure("image_invalid", "Unreadable."))),
            Failure("image_invalid", "Unreadable."),
        ),
        (request_with(None, now=1e6), TIMED_OUT),
    ],
)
def test_a_failed_request_has_a_failure_and_no_verdict(request_item: ScanRequest, failure: Failure) -> None:
    body = serializers.request_body(request_item)
    assert (body["status"], body["label_matched"], body["message"]) == ("failed", None, failure.message)
    assert body["failure"] == {"code": failure.code, "message": failure.message, "feature": "labels"}


@pytest.mark.parametrize(
    ("scanned_for", "shown"), [("r", {"scanned_for": "r"}), ("the ID of another request", {}), (None, {})]
)
def test_debug_data_never_contains_the_id_of_another_request(scanned_for: str | None, shown: dict[str, str]) -> None:
    request = request_with(replace(scan_with(CAT), scanned_for=scanned_for))
    debug = serializers.debug_data(request, None)
    assert {key: debug[key] for key in debug if key == "scanned_for"} == shown
    assert "another" not in str(debug)


def test_debug_data_of_a_pending_request_contains_what_its_items_hold() -> None:
    image = Image("h", attempts=2, first_leased_at=30.0, lease_until=90.0, requeued_at=60.0, deferred_at=(1.0,))
    assert serializers.debug_data(REQUEST, by_feature(image)) == {
        "image_key": "images/h.jpg",
        "file_type": "image/jpeg",
        "is_direct_upload": False,
        "uploaded_at": "1970-01-01T00:00:00.500Z",
        "image": {
            "attempts": 2,
            "is_terminal": False,
            "first_leased_at": "1970-01-01T00:00:30.000Z",
            "lease_until": "1970-01-01T00:01:30.000Z",
            "requeued_at": "1970-01-01T00:01:00.000Z",
            "deferred_until": "1970-01-02T00:00:00.000Z",
        },
    }


def test_debug_data_of_a_finished_request_contains_its_scan_and_its_image() -> None:
    image = Image("h", attempts=1, first_leased_at=0.75, scan=scan_with(CAT))
    request = request_with(scan_with(CAT), awaits_upload=True)
    assert serializers.debug_data(request, by_feature(image)) == {
        "image_key": "images/h.jpg",
        "file_type": "image/jpeg",
        "is_direct_upload": True,
        "uploaded_at": "1970-01-01T00:00:00.750Z",
        "scanned_at": "1970-01-01T00:00:01.000Z",
        "scanned_for": "r",
        "image": {
            "attempts": 1,
            "is_terminal": True,
            "first_leased_at": "1970-01-01T00:00:00.750Z",
            "scan_finished_at": "1970-01-01T00:00:01.000Z",
        },
    }


def test_debug_data_contains_the_wait_and_the_exhaustions_of_an_image() -> None:
    image = Image("h", attempts=5, exhausted_at=(30.0, 60.0), is_exhausted=True, not_before=90.0)
    exhausted = serializers.debug_data(REQUEST, by_feature(image))["image"]
    reopened = serializers.debug_data(REQUEST, by_feature(replace(image, is_exhausted=False, not_before=None)))["image"]
    times = ["1970-01-01T00:00:30.000Z", "1970-01-01T00:01:00.000Z"]
    assert reopened == {"attempts": 5, "is_terminal": False, "exhausted_at": times}
    assert exhausted == reopened | {"is_exhausted": True, "not_before": "1970-01-01T00:01:30.000Z"}


def test_debug_data_is_null_only_for_an_image_without_an_item() -> None:
    debug = serializers.debug_data(request_with(scan_with(CAT)), None)
    assert [key for key, value in debug.items() if value is None] == ["image"]


def test_debug_data_omits_the_upload_time_until_the_upload_is_known() -> None:
    assert "uploaded_at" not in serializers.debug_data(replace(REQUEST, awaits_upload=True), by_feature(Image("h")))


def test_a_deferred_request_names_the_day_and_has_a_later_deadline() -> None:
    body = serializers.request_body(request_with(None), by_feature(Image("h", deferred_at=(1.0,))), now=2.0)
    assert (body["status"], body["label_matched"]) == ("pending", None)
    assert "1970-01-02 (UTC)" in body["message"]
    assert body["deadline"].startswith("1970-01-02T")


def test_stats_contain_the_time_of_their_query() -> None:
    nothing = {"images": 0, "scans": 0, "scans_avoided": 0, "scans_avoided_by": {"bytes": 0, "content": 0}}
    assert serializers.stats_body(Totals(1, 2, 3, 4, scans_avoided=5, copies=6), now=0.5) == {
        "images": 1,
        "requests": 7,
        "completed": 3,
        "failed": 4,
        "scans": 2,
        "scans_avoided": 11,
        "scans_avoided_by": {"bytes": 5, "content": 6},
        "by_feature": {
            "labels": nothing
            | {"images": 1, "scans": 2, "scans_avoided": 11}
            | {"scans_avoided_by": {"bytes": 5, "content": 6}},
            "moderation": nothing,
            "text": nothing,
        },
        "as_of": "1970-01-01T00:00:00.500Z",
    }


# ---------------------------------------------------------------- contents

CONTENT = "cd" * 32
OWN = replace(scan_with(CAT), content_hash=CONTENT)
COPY = replace(OWN, finished_at=5.0, origin=Origin(1.0))
ANOTHER = replace(OWN, scanned_for="another")


@pytest.mark.parametrize(
    ("scan", "reused", "reused_by"),
    [
        (OWN, False, None),
        (COPY, True, "content"),
        (ANOTHER, True, "bytes"),
        (replace(COPY, scanned_for="x"), True, "bytes"),
    ],
)
def test_a_result_states_how_its_scan_was_reused(scan: Scan, reused: bool, reused_by: str | None) -> None:
    body = serializers.request_body(request_with(scan))
    assert (body["scan_reused"], body["reused_by"], body["content_hash"]) == (reused, reused_by, CONTENT)
    assert body["scanned_at"] == "1970-01-01T00:00:01.000Z"


@pytest.mark.parametrize(
    ("labels", "text", "reused_by"),
    [(COPY, ANOTHER, "content"), (ANOTHER, COPY, "content"), (ANOTHER, ANOTHER, "bytes"), (OWN, COPY, None)],
)
def test_a_result_for_several_features_is_reused_if_all_scans_are(
    labels: Scan, text: Scan, reused_by: str | None
) -> None:
    items = by_feature(Image("h", scan=labels), Image("h#text", scan=replace(text, feature=Feature.TEXT, findings=())))
    question = Question(("cat",), 90, others=((Feature.TEXT, ("sale",)),))
    answered = with_answer(replace(REQUEST, question=question), items, 1)
    assert answered
    body = serializers.request_body(answered)
    assert (body["scan_reused"], body["reused_by"], body["content_hash"]) == (reused_by is not None, reused_by, CONTENT)


@pytest.mark.parametrize("now", [1, 1e6], ids=["pending", "timed out"])
def test_a_request_without_a_scan_has_no_content_hash(now: float) -> None:
    body = serializers.request_body(request_with(None, now))
    assert [body[name] for name in ("scanned_at", "scan_reused", "reused_by", "content_hash")] == [None] * 4


def test_a_rejected_file_and_one_without_a_canonical_form_differ_in_their_content_hash() -> None:
    rejected = Scan(Status.FAILED, 1.0, failure=Failure("image_invalid", "Corrupt."), scanned_for="r")
    for content_hash in (CONTENT, None):
        body = serializers.request_body(request_with(replace(rejected, content_hash=content_hash)))
        assert (body["content_hash"], body["reused_by"]) == (content_hash, None)


def test_a_summary_has_the_content_hash() -> None:
    summary = serializers.request_summary(request_with(COPY), now=1)
    assert (summary["content_hash"], summary["reused_by"]) == (CONTENT, "content")


def test_debug_data_of_a_copied_scan_does_not_claim_that_it_was_made_for_the_request() -> None:
    assert "scanned_for" not in serializers.debug_data(request_with(COPY), None)
    assert serializers.debug_data(request_with(OWN), None)["scanned_for"] == "r"
