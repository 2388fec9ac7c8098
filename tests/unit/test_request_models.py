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


def test_a_body_with_only_the_required_fields_is_valid() -> None:
    parsed = request_models.read(SubmitBody, body())
    image = parsed.image()
    assert isinstance(image, ValidatedImage)
    assert (image.content, image.type) == (CONTENT, ImageType.JPEG)
    assert parsed.question("cat", 90) == Question(("cat",), 90)


def test_label_and_confidence_are_read_and_unknown_fields_are_ignored() -> None:
    parsed = request_models.read(SubmitBody, body(label="  Dog ", min_confidence=75, fileName="dog.jpg"))
    assert parsed.question("cat", 90) == Question(("Dog",), 75)


@pytest.mark.parametrize(
    ("text", "code"),
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
def test_an_invalid_body_is_rejected_with_a_code_and_a_sentence(text: str | None, code: str) -> None:
    with pytest.raises(BadInput) as raised:
        request_models.read(SubmitBody, text)
    assert raised.value.code == code
    assert raised.value.message.endswith(".")


def test_error_messages_do_not_repeat_the_input() -> None:
    with pytest.raises(BadInput) as raised:
        request_models.read(SubmitBody, body(label="secret" * 50))
    assert "secret" not in raised.value.message


@pytest.mark.parametrize("file", ["@@@@", "YWJj\nYWJj", "data:image/png;base64,YWJj", "YWJ", "käse"])
def test_invalid_base64_is_rejected(file: str) -> None:
    with pytest.raises(BadInput) as raised:
        request_models.read(SubmitBody, body(file=file)).image()
    assert raised.value.code == "not_base64"


@given(file=st.text("AQgw+/=-_ \n\u00e9", max_size=9) | st.binary().map(lambda content: b64encode(content).decode()))
@example(file="QR==")  # stray bits at the end
@example(file="+_+_")
def test_exactly_the_base64_that_python_decodes_is_accepted(file: str) -> None:
    assert decode(file) == decode_with_python(file)


def decode(file: str) -> bytes | None:
    try:
        return request_models.decode_base64(file)
    except BadInput:
        return None


def decode_with_python(file: str) -> bytes | None:
    try:
        return b64decode(file, validate=True)
    except ValueError:
        return None


@pytest.mark.parametrize("file_type", ["image/gif", "jpeg", "", "IMAGE/JPEG"])
def test_unsupported_types_are_rejected(file_type: str) -> None:
    with pytest.raises(UnsupportedType):
        request_models.read(SubmitBody, body(fileType=file_type)).image()


SHA = "ab" * 32


def declaration(**fields: Any) -> str:
    return json.dumps({"sha256": SHA, "size": 12_000_000, "fileType": "image/png"} | fields)


def test_an_image_can_be_declared_for_a_direct_upload() -> None:
    assert request_models.read(SubmitBody, declaration()).image() == DeclaredImage(SHA, 12_000_000, ImageType.PNG)


@pytest.mark.parametrize(
    ("text", "error", "code"),
    [
        (json.dumps({"fileType": "image/png"}), BadInput, "missing_file"),
        (body(file=None), BadInput, "missing_file"),
        (declaration(file=FILE), BadInput, "invalid_file"),
        (declaration(size=None), BadInput, "invalid_size"),
        (declaration(sha256=None), BadInput, "invalid_sha256"),
        (declaration(fileType="image/gif"), UnsupportedType, "unsupported_type"),
        (declaration(size=MAX_STORED_BYTES + 1), TooLarge, "file_too_large"),
    ],
)
def test_an_image_that_is_neither_sent_nor_completely_declared_is_rejected(
    text: str, error: type[BadInput | TooLarge | UnsupportedType], code: str
) -> None:
    with pytest.raises(error) as raised:
        request_models.read(SubmitBody, text).image()
    assert raised.value.code == code


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
        ({"match_mode": "some"}, "invalid_match_mode"),
        ({"reference": 7}, "invalid_reference"),
    ],
)
def test_the_code_of_an_invalid_field_names_the_field(fields: dict[str, Any], code: str) -> None:
    with pytest.raises(BadInput) as raised:
        request_models.read(SubmitBody, declaration(**fields))
    assert raised.value.code == code


def test_label_and_labels_together_are_rejected() -> None:
    with pytest.raises(BadInput) as raised:
        request_models.read(QuestionBody, json.dumps({"label": "cat", "labels": ["dog"]})).question("cat", 90)
    assert raised.value.code == "invalid_labels"


def test_labels_keep_their_order_without_duplicates() -> None:
    parsed = request_models.read(QuestionBody, json.dumps({"labels": ["dog", "cat", " dog "], "match_mode": "all"}))
    assert parsed.question("cat", 90) == Question(("dog", "cat"), 90, MatchMode.ALL)


def test_the_length_of_a_reference_is_measured_in_bytes() -> None:
    assert request_models.read(SubmitBody, body(reference="é" * 512)).validated_reference() == "é" * 512
    with pytest.raises(BadInput):
        request_models.read(SubmitBody, body(reference="é" * 513)).validated_reference()


DECLARATION = {"sha256": SHA, "size": 9, "fileType": "image/png", "label": "cat", "min_confidence": 90}


def declared_payload_hash(**changes: Any) -> str:
    fields = {name: value for name, value in {**DECLARATION, **changes}.items() if value is not None}
    read = request_models.read(SubmitBody, json.dumps(fields))
    return request_models.payload_hash(read.image(), read)


@pytest.mark.parametrize(
    "changes", [{"min_confidence": 90.0}, {"label": None, "labels": ["cat"]}, {"match_mode": "any"}]
)
def test_equal_payloads_have_the_same_hash(changes: dict[str, Any]) -> None:
    assert declared_payload_hash(**changes) == declared_payload_hash()


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": "cd" * 32},
        {"size": 10},
        {"fileType": "image/jpeg"},
        {"label": "dog"},
        {"label": None},
        {"label": None, "labels": ["cat", "dog"]},
        {"match_mode": "all"},
        {"min_confidence": 91},
        {"min_confidence": None},
        {"reference": "r"},
    ],
    ids=str,
)
def test_different_payloads_have_different_hashes(changes: dict[str, Any]) -> None:
    assert declared_payload_hash(**changes) != declared_payload_hash()


def test_a_posted_image_and_its_declaration_have_the_same_payload_hash() -> None:
    content = png()
    posted = request_models.read(SubmitBody, body(file=b64encode(content).decode(), fileType="image/png"))
    declared = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "label": None,
        "min_confidence": None,
    }
    assert request_models.payload_hash(posted.image(), posted) == declared_payload_hash(**declared)


ENTRY: dict[str, Any] = {"sha256": SHA, "size": 9, "fileType": "image/png"}


@pytest.mark.parametrize("key", [None, " ", "~", "k" * 255])
def test_a_batch_entry_can_have_its_own_idempotency_key(key: str | None) -> None:
    assert request_models.read_entry(ENTRY | {"idempotency_key": key}).idempotency_key == key


@pytest.mark.parametrize("key", ["", "k" * 256, "k\n", "\n", "é", "\x7f", 7, ["k"]])
def test_an_entry_key_that_would_be_an_invalid_header_is_rejected(key: Any) -> None:
    with pytest.raises(BadInput) as raised:
        request_models.read_entry(ENTRY | {"idempotency_key": key})
    assert raised.value.code == "invalid_idempotency_key"


def test_the_payload_hash_does_not_depend_on_the_idempotency_key() -> None:
    plain, keyed = (request_models.read_entry(ENTRY | {"idempotency_key": key}) for key in (None, "k"))
    assert request_models.payload_hash(plain.image(), plain) == request_models.payload_hash(keyed.image(), keyed)
