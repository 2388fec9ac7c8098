import pytest

from imagescan_cli.answers import (
    Answer,
    Exit,
    exit_code,
    exit_code_after_sending,
    exit_code_after_waiting,
    failed,
    has_lapsed,
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
