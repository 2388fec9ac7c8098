from typing import Any

import pytest

from imagescan_cli.answers import (
    Answer,
    Exit,
    exit_code,
    exit_code_after_sending,
    exit_code_after_waiting,
    failed,
    has_lapsed,
    is_answer,
    is_page,
    is_request,
    line,
    summary,
)

YES: Answer = {"request_id": "r1", "status": "completed", "label_matched": True, "message": "Yes."}
NO: Answer = {"request_id": "r2", "status": "completed", "label_matched": False, "message": "No."}
PENDING: Answer = {"request_id": "r3", "status": "pending", "label_matched": None, "message": "Waiting."}
FAILED = failed("image_invalid", "It cannot be read.", "r4")


@pytest.mark.parametrize(
    ("answers", "so_far", "after_waiting", "after_sending"),
    [
        ([YES], 0, 0, 0),
        ([NO], 1, 1, 0),
        ([NO, YES, NO], 0, 0, 0),
        ([PENDING], 4, 3, 0),
        ([PENDING, YES], 4, 3, 0),
        ([FAILED], 3, 3, 3),
        ([YES, FAILED, PENDING], 3, 3, 3),
    ],
)
def test_the_exit_code_is_what_the_answers_come_to(
    answers: list[Answer], so_far: int, after_waiting: int, after_sending: int
) -> None:
    codes = (exit_code(answers), exit_code_after_waiting(answers), exit_code_after_sending(answers))
    assert codes == (so_far, after_waiting, after_sending)


def test_an_answer_to_a_further_question_has_no_status_and_counts_all_the_same() -> None:
    assert exit_code([{"request_id": "r1", "label_matched": False, "message": "No."}]) is Exit.NO_MATCH


UPLOAD = {"method": "PUT", "url": "https://bucket", "headers": {}}


@pytest.mark.parametrize("body", [YES, NO, PENDING, PENDING | {"upload": UPLOAD}, FAILED, YES | {"more": 1}])
def test_how_a_request_stands_is_known_by_what_is_read_of_it(body: Answer) -> None:
    assert is_request(body)
    assert is_page({"requests": [body, body], "cursor": "next"})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"hello": "proxy"},
        YES | {"label_matched": None},
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
def test_what_only_looks_like_a_request_is_none(body: Any) -> None:
    assert not is_request(body)
    assert not is_page({"requests": [YES, body], "cursor": None})


@pytest.mark.parametrize("body", [{"requests": None, "cursor": None}, {"requests": []}, {"requests": [], "cursor": 7}])
def test_what_only_looks_like_a_page_is_none(body: Answer) -> None:
    assert is_page({"requests": [], "cursor": None})
    assert not is_page(body)


def test_an_answer_to_a_further_question_is_a_yes_or_a_no() -> None:
    answer: Answer = {"request_id": "r1", "label_matched": False, "message": "No."}
    assert is_answer(answer)
    assert not any(is_answer(answer | {field: None}) for field in answer)


@pytest.mark.parametrize(
    ("code", "lapsed"),
    [("timed_out", True), ("never_uploaded", True), ("image_invalid", False), ("attempts_exhausted", False)],
)
def test_only_what_came_too_late_is_asked_anew(code: str, lapsed: bool) -> None:
    assert has_lapsed(failed(code, "It failed.")) is lapsed


def test_an_answer_has_not_lapsed() -> None:
    assert not has_lapsed(YES | {"failure": None})


def test_a_line_names_the_picture_the_answer_and_the_request() -> None:
    assert line(YES, "a.jpg") == "a.jpg: Yes. [r1]"
    assert line(YES) == "r1: Yes."
    assert line(failed("invalid_from", "It is no time.")) == "It is no time."
    assert line(failed("unreadable", "It cannot be read."), "a.jpg") == "a.jpg: It cannot be read."


def test_a_label_or_a_name_cannot_steer_the_terminal() -> None:
    assert line(YES | {"message": "\x1b[2J\x07Yes"}, "a\nb\udcff.jpg") == "a�b�.jpg: �[2J�Yes [r1]"


def test_the_summary_counts_each_kind_once_and_leaves_out_what_there_is_none_of() -> None:
    assert summary([YES, NO, NO], uploads=2) == "3 pictures: 1 yes, 2 no; 2 uploaded."
    assert summary([FAILED], uploads=0) == "1 picture: 1 failed; 0 uploaded."
