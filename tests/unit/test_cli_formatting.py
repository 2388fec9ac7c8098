from imagescan_cli.formatting import format_result, format_summary
from imagescan_cli.schemas import RequestJson, failed_request

YES: RequestJson = {"request_id": "r1", "status": "completed", "label_matched": True, "message": "Yes."}
NO: RequestJson = {"request_id": "r2", "status": "completed", "label_matched": False, "message": "No."}


def test_line_contains_the_path_the_message_and_the_request_id() -> None:
    assert format_result(YES, "a.jpg") == "a.jpg: Yes. [r1]"
    assert format_result(YES) == "r1: Yes."
    assert format_result(failed_request("invalid_created_after", "Invalid time.")) == "Failed: Invalid time."
    unreadable = failed_request("unreadable", "Cannot read file.")
    assert format_result(unreadable, "a.jpg") == "Failed: a.jpg: Cannot read file."


def found(text: str, confidence: float = 99.12) -> RequestJson:
    return {"text": text, "confidence": confidence}


def with_text(*lines: RequestJson) -> RequestJson:
    return YES | {"features": ["text"], "text": {"lines": [*lines], "model_version": "3.0"}}


def test_text_is_quoted_and_long_lines_and_long_lists_are_shortened() -> None:
    assert format_result(with_text(found("SALE")), "a.jpg") == 'a.jpg: Yes. Text: "SALE" 99.1%. [r1]'
    many = format_result(with_text(*[found("SALE")] * 7))
    assert many == f"r1: Yes. Text: {', '.join(['"SALE" 99.1%'] * 5)} and 2 more."
    assert format_result(with_text(found("x" * 61))) == f'r1: Yes. Text: "{"x" * 59}\u2026" 99.1%.'
    assert format_result(with_text(found("x" * 60))) == f'r1: Yes. Text: "{"x" * 60}" 99.1%.'


def test_text_in_an_image_cannot_control_the_terminal() -> None:
    assert "\x1b" not in format_result(with_text(found("\x1b[2JSALE\n")))


def test_answer_to_a_follow_up_question_has_no_findings() -> None:
    answer = YES | {"features": ["moderation", "text"]}
    assert format_result(answer) == "r1: Yes."


def test_labels_and_file_names_cannot_control_the_terminal() -> None:
    assert format_result(YES | {"message": "\x1b[2J\x07Yes"}, "a\nb\udcff.jpg") == "a�b�.jpg: �[2J�Yes [r1]"


def test_summary_counts_each_outcome_and_omits_zeros() -> None:
    failed = failed_request("image_invalid", "The image is corrupt.", "r4")
    pending: RequestJson = {"request_id": "r3", "status": "pending", "message": "Waiting."}
    assert format_summary([YES, NO, NO], uploads=2) == "3 images: 1 yes, 2 no; 2 uploaded."
    counts = format_summary([YES], uploads=1, conversions=1, skipped=2)
    assert counts == "1 image: 1 yes; 1 uploaded, 1 converted. 2 files skipped."
    assert format_summary([failed], uploads=0) == "1 image: 1 failed; 0 uploaded."
    assert format_summary([pending], uploads=1) == "1 image: 1 pending; 1 uploaded."
