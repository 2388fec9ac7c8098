import pytest

from imagescan_cli.exit_codes import ExitCode, exit_code, exit_code_after_submit, exit_code_after_wait
from imagescan_cli.schemas import RequestJson, failed_request

YES: RequestJson = {"request_id": "r1", "status": "completed", "label_matched": True, "message": "Yes."}
NO: RequestJson = {"request_id": "r2", "status": "completed", "label_matched": False, "message": "No."}
SCANNED: RequestJson = {"request_id": "r5", "status": "completed", "label_matched": None, "message": "Scanned."}
PENDING: RequestJson = {"request_id": "r3", "status": "pending", "label_matched": None, "message": "Waiting."}
FAILED = failed_request("image_invalid", "The image is corrupt.", "r4")


@pytest.mark.parametrize(
    ("results", "now", "after_wait", "after_submit"),
    [
        ([YES], 0, 0, 0),
        ([NO], 1, 1, 0),
        ([NO, YES, NO], 0, 0, 0),
        ([SCANNED], 0, 0, 0),
        ([SCANNED, NO], 1, 1, 0),
        ([SCANNED, PENDING], 4, 3, 0),
        ([SCANNED, FAILED], 3, 3, 3),
        ([PENDING], 4, 3, 0),
        ([PENDING, YES], 4, 3, 0),
        ([FAILED], 3, 3, 3),
        ([YES, FAILED, PENDING], 3, 3, 3),
    ],
)
def test_exit_code_depends_on_the_outcomes(
    results: list[RequestJson], now: int, after_wait: int, after_submit: int
) -> None:
    codes = (exit_code(results), exit_code_after_wait(results), exit_code_after_submit(results))
    assert codes == (now, after_wait, after_submit)


def test_answer_to_a_follow_up_question_has_no_status_and_still_has_an_exit_code() -> None:
    assert exit_code([{"request_id": "r1", "label_matched": False, "message": "No."}]) is ExitCode.NO_MATCH
