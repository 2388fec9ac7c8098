import hashlib
import json
from base64 import b64decode, b64encode
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagescan.api import request_models
from imagescan.api.request_models import QuestionBody, SubmitBody
from imagescan.domain.errors import BadInput, TooLarge, UnsupportedType
from imagescan.domain.image import MAX_STORED_BYTES, DeclaredImage, ValidatedImage
from imagescan.domain.image_header import ImageType
from imagescan.domain.question import MatchMode, Question
from testing.images import jpeg, png

CONTENT = jpeg()
FILE = b64encode(CONTENT).decode()


def body(**fields: Any) -> str:
    return json.dumps({"file": FILE, "fileType": "image/jpeg"} | fields)


def test_the_least_a_client_sends_is_read() -> None:
    sent = request_models.read(SubmitBody, body())
    image = sent.image()
    assert isinstance(image, ValidatedImage)
    assert (image.content, image.type) == (CONTENT, ImageType.JPEG)
    assert sent.question("cat", 90) == Question(("cat",), 90)


def test_label_and_confidence_are_read_and_unknown_fields_passed_over() -> None:
    sent = request_models.read(SubmitBody, body(label="  Dog ", min_confidence=75, fileName="dog.jpg"))
    assert sent.question("cat", 90) == Question(("Dog",), 75)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (None, "invalid_json"),
        ("", "invalid_json"),
        ("not JSON", "invalid_json"),
        ("[1]", "invalid_json"),
        ("null", "invalid_json"),
        ("{}", "missing_fileType"),
        (json.dumps({"file": FILE}), "missing_fileType"),
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
        request_models.read(SubmitBody, sent)
    assert refused.value.code == code
    assert refused.value.message.endswith(".")


def test_what_is_wrong_is_said_without_repeating_what_was_sent() -> None:
    with pytest.raises(BadInput) as refused:
        request_models.read(SubmitBody, body(label="secret" * 50))
    assert "secret" not in refused.value.message


@pytest.mark.parametrize("file", ["@@@@", "YWJj\nYWJj", "data:image/png;base64,YWJj", "YWJ", "käse"])
def test_what_is_not_base64_is_refused(file: str) -> None:
    with pytest.raises(BadInput) as refused:
        request_models.read(SubmitBody, body(file=file)).image()
    assert refused.value.code == "not_base64"


@given(file=st.text("AQgw+/=-_ \n\u00e9", max_size=9) | st.binary().map(lambda content: b64encode(content).decode()))
@example(file="QR==")  # stray bits at the end
@example(file="+_+_")
def test_what_is_base64_is_what_python_takes_for_it(file: str) -> None:
    assert decoded(file) == by_python(file)


def decoded(file: str) -> bytes | None:
    try:
        return request_models.decode_base64(file)
    except BadInput:
        return None


def by_python(file: str) -> bytes | None:
    try:
        return b64decode(file, validate=True)
    except ValueError:
        return None


@pytest.mark.parametrize("file_type", ["image/gif", "jpeg", "", "IMAGE/JPEG"])
def test_types_that_are_not_taken_are_refused(file_type: str) -> None:
    with pytest.raises(UnsupportedType):
        request_models.read(SubmitBody, body(fileType=file_type)).image()


SHA = "ab" * 32


def announcement(**fields: Any) -> str:
    return json.dumps({"sha256": SHA, "size": 12_000_000, "fileType": "image/png"} | fields)


def test_an_image_may_be_announced_instead() -> None:
    assert request_models.read(SubmitBody, announcement()).image() == DeclaredImage(SHA, 12_000_000, ImageType.PNG)


@pytest.mark.parametrize(
    ("sent", "error", "code"),
    [
        (json.dumps({"fileType": "image/png"}), BadInput, "missing_file"),
        (body(file=None), BadInput, "missing_file"),
        (announcement(file=FILE), BadInput, "invalid_file"),
        (announcement(size=None), BadInput, "invalid_size"),
        (announcement(sha256=None), BadInput, "invalid_sha256"),
        (announcement(fileType="image/gif"), UnsupportedType, "unsupported_type"),
        (announcement(size=MAX_STORED_BYTES + 1), TooLarge, "file_too_large"),
    ],
)
def test_an_image_that_is_neither_sent_nor_well_announced_is_refused(
    sent: str, error: type[BadInput | TooLarge | UnsupportedType], code: str
) -> None:
    with pytest.raises(error) as refused:
        request_models.read(SubmitBody, sent).image()
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"sha256": SHA.upper()}, "invalid_sha256"),
        ({"sha256": "ab"}, "invalid_sha256"),
        ({"sha256": SHA + "\n"}, "invalid_sha256"),
        ({"size": 0}, "invalid_size"),
        ({"size": -5}, "invalid_size"),
        ({"size": 1.5}, "invalid_size"),
        ({"labels": []}, "invalid_labels"),
        ({"labels": ["cat"] * 26}, "invalid_labels"),
        ({"labels": ["cat", ""]}, "invalid_labels"),
        ({"match": "some"}, "invalid_match"),
        ({"reference": 7}, "invalid_reference"),
    ],
)
def test_a_malformed_field_is_refused_by_name(fields: dict[str, Any], code: str) -> None:
    with pytest.raises(BadInput) as refused:
        request_models.read(SubmitBody, announcement(**fields))
    assert refused.value.code == code


def test_a_label_and_labels_together_are_refused() -> None:
    with pytest.raises(BadInput) as refused:
        request_models.read(QuestionBody, json.dumps({"label": "cat", "labels": ["dog"]})).question("cat", 90)
    assert refused.value.code == "invalid_labels"


def test_several_labels_are_asked_once_each_in_order() -> None:
    sent = request_models.read(QuestionBody, json.dumps({"labels": ["dog", "cat", " dog "], "match": "all"}))
    assert sent.question("cat", 90) == Question(("dog", "cat"), 90, MatchMode.ALL)


def test_a_reference_is_measured_in_bytes() -> None:
    assert request_models.read(SubmitBody, body(reference="é" * 512)).validated_reference() == "é" * 512
    with pytest.raises(BadInput):
        request_models.read(SubmitBody, body(reference="é" * 513)).validated_reference()


ANNOUNCEMENT = {"sha256": SHA, "size": 9, "fileType": "image/png", "label": "cat", "min_confidence": 90}


def fingerprint(**changes: Any) -> str:
    sent = {name: value for name, value in {**ANNOUNCEMENT, **changes}.items() if value is not None}
    read = request_models.read(SubmitBody, json.dumps(sent))
    return request_models.payload_hash(read.image(), read)


@pytest.mark.parametrize("same", [{"min_confidence": 90.0}, {"label": None, "labels": ["cat"]}, {"match": "any"}])
def test_bodies_that_ask_the_same_share_a_fingerprint(same: dict[str, Any]) -> None:
    assert fingerprint(**same) == fingerprint()


@pytest.mark.parametrize(
    "other",
    [
        {"sha256": "cd" * 32},
        {"size": 10},
        {"fileType": "image/jpeg"},
        {"label": "dog"},
        {"label": None},
        {"label": None, "labels": ["cat", "dog"]},
        {"match": "all"},
        {"min_confidence": 91},
        {"min_confidence": None},
        {"reference": "r"},
    ],
    ids=str,
)
def test_bodies_that_differ_in_anything_have_fingerprints_of_their_own(other: dict[str, Any]) -> None:
    assert fingerprint(**other) != fingerprint()


def test_an_image_has_the_same_fingerprint_whichever_way_its_bytes_come() -> None:
    content = png()
    posted = request_models.read(SubmitBody, body(file=b64encode(content).decode(), fileType="image/png"))
    announced = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "label": None,
        "min_confidence": None,
    }
    assert request_models.payload_hash(posted.image(), posted) == fingerprint(**announced)


ENTRY: dict[str, Any] = {"sha256": SHA, "size": 9, "fileType": "image/png"}


@pytest.mark.parametrize("key", [None, " ", "~", "k" * 255])
def test_an_entry_may_have_a_key_of_its_own(key: str | None) -> None:
    assert request_models.read_entry(ENTRY | {"idempotency_key": key}).idempotency_key == key


@pytest.mark.parametrize("key", ["", "k" * 256, "k\n", "\n", "é", "\x7f", 7, ["k"]])
def test_a_key_of_an_entry_that_the_header_could_not_be_is_refused(key: Any) -> None:
    with pytest.raises(BadInput) as refused:
        request_models.read_entry(ENTRY | {"idempotency_key": key})
    assert refused.value.code == "invalid_idempotency_key"


def test_a_key_is_no_part_of_what_an_entry_asks() -> None:
    plain, keyed = (request_models.read_entry(ENTRY | {"idempotency_key": key}) for key in (None, "k"))
    assert request_models.payload_hash(plain.image(), plain) == request_models.payload_hash(keyed.image(), keyed)
