import json

import pytest

from local.logs import function_name, line

STRUCTURED = json.dumps({"level": "INFO", "message": "scanned", "timestamp": "...", "image_hash": "ab", "settled": 2})


@pytest.mark.parametrize(
    ("message", "readable"),
    [
        (STRUCTURED, "INFO    scanned image_hash=ab settled=2"),
        ("Task timed out after 3 seconds\n", "Task timed out after 3 seconds"),
        ("[1, 2]", "[1, 2]"),
        ('{"_aws": {}}', '{"_aws": {}}'),
    ],
)
def test_structured_lines_are_formatted_and_other_lines_are_unchanged(message: str, readable: str) -> None:
    assert line({"timestamp": 0, "function": "scanner", "message": message}).endswith(f" scanner         {readable}")


@pytest.mark.parametrize(
    ("group", "function"),
    [
        ("/aws/lambda/imagescan-SubmitFunction-1ABC", "submit"),
        ("/aws/cloudformation/imagescan/AskFollowUpLogs", "ask-follow-up"),
        ("/aws/lambda/other", "other"),
    ],
)
def test_the_name_of_a_function_is_derived_from_its_log_group(group: str, function: str) -> None:
    assert function_name(group) == function
