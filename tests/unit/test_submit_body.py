import base64
import json
from typing import Any

import pytest

from imagescan.errors import BadInput, UnsupportedType
from imagescan.handlers import submit_body
from imagescan.images import ImageType

FILE = base64.b64encode(b"bytes").decode()


def body(**fields: Any) -> str:
    return json.dumps({"file": FILE, "fileType": "image/jpeg"} | fields)


def test_the_least_a_client_sends_is_read() -> None:
    sent = submit_body.read(body())
    assert (sent.content, sent.image_type, sent.label, sent.min_confidence) == (b"bytes", ImageType.JPEG, None, None)


def test_label_and_confidence_are_read_and_unknown_fields_passed_over() -> None:
    sent = submit_body.read(body(label="  Dog ", min_confidence=75, fileName="dog.jpg"))
    assert (sent.label, sent.min_confidence) == ("Dog", 75)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (None, "invalid_json"),
        ("", "invalid_json"),
        ("not JSON", "invalid_json"),
        ("[1]", "invalid_json"),
        ("null", "invalid_json"),
        ("{}", "missing_file"),
        (json.dumps({"file": FILE}), "missing_fileType"),
        (body(file=None), "invalid_file"),
        (body(file=7), "invalid_file"),
        (body(fileType=7), "invalid_fileType"),
        (body(label=""), "invalid_label"),
        (body(label="   "), "invalid_label"),
        (body(label="x" * 101), "invalid_label"),
        (body(label=7), "invalid_label"),
        (body(min_confidence=24.9), "invalid_min_confidence"),
        (body(min_confidence=100.1), "invalid_min_confidence"),
        (body(min_confidence="90"), "invalid_min_confidence"),
        (body().replace("}", ', "min_confidence": NaN}'), "invalid_min_confidence"),
        (body().replace("}", ', "label": "\\ud800"}'), "invalid_json"),
    ],
)
def test_a_body_that_is_wrong_is_refused_with_what_to_do(sent: str | None, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        submit_body.read(sent)
    assert refused.value.code == code
    assert refused.value.message.endswith(".")


def test_what_is_wrong_is_said_without_repeating_what_was_sent() -> None:
    with pytest.raises(BadInput) as refused:
        submit_body.read(body(label="secret" * 50))
    assert "secret" not in refused.value.message


@pytest.mark.parametrize("file", ["@@@@", "YWJj\nYWJj", "data:image/png;base64,YWJj", "YWJ", "käse"])
def test_what_is_not_base64_is_refused(file: str) -> None:
    with pytest.raises(BadInput) as refused:
        _ = submit_body.read(body(file=file)).content
    assert refused.value.code == "not_base64"


@pytest.mark.parametrize("file_type", ["image/gif", "jpeg", "", "IMAGE/JPEG"])
def test_types_that_are_not_taken_are_refused(file_type: str) -> None:
    with pytest.raises(UnsupportedType):
        _ = submit_body.read(body(fileType=file_type)).image_type
