import json

import pytest

from local.logs import line

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
def test_a_structured_line_is_laid_out_for_reading_and_any_other_kept(message: str, readable: str) -> None:
    assert line({"timestamp": 0, "function": "scanner", "message": message}).endswith(f" scanner  {readable}")
