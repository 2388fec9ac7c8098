from typing import Any

import pytest

from imagescan_cli.schemas import (
    RequestJson,
    failed_request,
    is_follow_up_answer,
    is_page,
    is_request,
    is_retryable,
    is_statistics,
)

YES: RequestJson = {"request_id": "r1", "status": "completed", "label_matched": True, "message": "Yes."}
NO: RequestJson = {"request_id": "r2", "status": "completed", "label_matched": False, "message": "No."}
PENDING: RequestJson = {"request_id": "r3", "status": "pending", "label_matched": None, "message": "Waiting."}
FAILED = failed_request("image_invalid", "The image is corrupt.", "r4")
UPLOAD = {"method": "PUT", "url": "https://bucket", "headers": {}}
NOTHING_ASKED: RequestJson = {"labels_asked": [], "moderation_asked": [], "text_asked": []}
SCANNED: RequestJson = {**NO, "label_matched": None, **NOTHING_ASKED}


@pytest.mark.parametrize("body", [YES, NO, SCANNED, PENDING, PENDING | {"upload": UPLOAD}, FAILED, YES | {"more": 1}])
def test_request_is_valid_if_the_fields_that_the_cli_reads_are(body: RequestJson) -> None:
    assert is_request(body)
    assert is_page({"requests": [body, body], "next_cursor": "next"})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"hello": "proxy"},
        YES | {"label_matched": None},
        SCANNED | {"labels_asked": ["cat"]},
        SCANNED | {"moderation_asked": ["*"]},
        SCANNED | {"text_asked": ["sale"]},
        SCANNED | {"label_matched": "yes"},
        YES | {"status": "ok"},
        YES | {"status": ["completed"]},
        {"request_id": "r1", "label_matched": True, "message": "Yes."},
        PENDING | {"request_id": None},
        PENDING | {"message": 7},
        PENDING | {"upload": {"url": "https://bucket"}},
        FAILED | {"failure": None},
        FAILED | {"failure": "image_invalid"},
        [YES],
        None,
    ],
)
def test_body_that_resembles_a_request_is_rejected(body: Any) -> None:
    assert not is_request(body)
    assert not is_page({"requests": [YES, body], "next_cursor": None})


@pytest.mark.parametrize(
    "body", [{"requests": None, "next_cursor": None}, {"requests": []}, {"requests": [], "next_cursor": 7}]
)
def test_body_that_resembles_a_page_is_rejected(body: RequestJson) -> None:
    assert is_page({"requests": [], "next_cursor": None})
    assert not is_page(body)


def test_follow_up_answer_requires_every_field() -> None:
    answer: RequestJson = {"request_id": "r1", "label_matched": False, "message": "No."}
    assert is_follow_up_answer(answer)
    assert not any(is_follow_up_answer(answer | {field: None}) for field in answer)


def test_follow_up_answer_has_no_verdict_only_if_nothing_was_asked() -> None:
    answer: RequestJson = {"request_id": "r1", "label_matched": None, "message": "Scanned."}
    assert is_follow_up_answer(answer | NOTHING_ASKED)
    assert not is_follow_up_answer(answer | NOTHING_ASKED | {"text_asked": ["sale"]})


@pytest.mark.parametrize(
    ("by_feature", "is_valid"),
    [
        ({"text": {"scans": 1}}, True),
        ({"text": {"scans_avoided_by": {"bytes": 1, "content": 1}}}, True),
        ({}, True),
        ([], False),
        ({"text": 1}, False),
        ({"text": {"scans": "1"}}, False),
        ({"text": {"scans": {"bytes": 1}}}, False),
        ({"text": {"scans_avoided_by": {"bytes": "1"}}}, False),
        ({"text": {"scans_avoided_by": 1}}, False),
    ],
)
def test_statistics_by_feature_are_counters(by_feature: object, is_valid: bool) -> None:
    statistics: RequestJson = {"images": 1, "requests": 1, "scans": 1, "as_of": "2026-11-27T03:03:26.858Z"}
    assert is_statistics(statistics)
    assert is_statistics(statistics | {"by_feature": by_feature}) is is_valid


@pytest.mark.parametrize(
    ("avoided_by", "is_valid"), [({"bytes": 1, "content": 2}, True), ({"bytes": None}, False), (3, False)]
)
def test_avoided_scans_by_reason_are_counters(avoided_by: object, is_valid: bool) -> None:
    statistics: RequestJson = {"images": 1, "requests": 1, "scans": 1, "as_of": "2026-11-27T03:03:26.858Z"}
    assert is_statistics(statistics | {"scans_avoided_by": avoided_by}) is is_valid


@pytest.mark.parametrize(
    ("code", "retryable"),
    [("timed_out", True), ("never_uploaded", True), ("attempts_exhausted", True), ("image_invalid", False)],
)
def test_only_failures_that_do_not_depend_on_the_image_are_retried(code: str, retryable: bool) -> None:
    assert is_retryable(failed_request(code, "It failed.")) is retryable


def test_completed_request_is_not_retried() -> None:
    assert not is_retryable(YES | {"failure": None})
