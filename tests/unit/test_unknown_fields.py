"""A field that the API does not know is rejected, because its value would otherwise be ignored."""

import json
import subprocess
import sys
import time
from base64 import b64encode
from typing import Any

import pytest
from pydantic import BaseModel

from imagescan.api import http, request_models
from imagescan.api.request_models import BatchBody, EntryBody, QuestionBody, SubmitBody
from imagescan.domain.errors import BadInput

IMAGE: dict[str, Any] = {"sha256": "ab" * 32, "size": 9, "fileType": "image/png"}
BODIES: dict[str, tuple[type[BaseModel], dict[str, Any]]] = {
    "submission": (SubmitBody, IMAGE),
    "follow-up question": (QuestionBody, {}),
    "batch": (BatchBody, {"entries": [IMAGE]}),
}


def rejection(kind: type[BaseModel], body: dict[str, Any]) -> BadInput:
    with pytest.raises(BadInput) as error:
        request_models.read(kind, json.dumps(body))
    return error.value


@pytest.mark.parametrize(("kind", "body"), BODIES.values(), ids=BODIES)
def test_an_unknown_field_is_rejected_and_named(kind: type[BaseModel], body: dict[str, Any]) -> None:
    error = rejection(kind, body | {"unheard_of": 1})
    assert error.code == "unknown_field"
    assert error.message.startswith("Unknown field 'unheard_of'. ")


@pytest.mark.parametrize(("kind", "body"), BODIES.values(), ids=BODIES)
def test_without_a_similar_field_the_known_ones_are_listed(kind: type[BaseModel], body: dict[str, Any]) -> None:
    message = rejection(kind, body | {"zzz": 1}).message
    assert all(f"'{name}'" in message for name in kind.model_fields)


@pytest.mark.parametrize(
    ("unknown", "closest"),
    [
        ("lable", "label"),
        ("lables", "labels"),
        ("Label", "label"),
        ("LABEL", "label"),
        ("filetype", "fileType"),
        ("file_type", "fileType"),
        ("minConfidence", "min_confidence"),
        ("match", "match_mode"),
        ("SHA256", "sha256"),
        ("label ", "label"),
        ("l\u0430bel", "label"),
    ],
)
def test_the_closest_known_field_is_suggested(unknown: str, closest: str) -> None:
    error = rejection(SubmitBody, IMAGE | {unknown: "dog"})
    assert (error.code, error.message) == ("unknown_field", f"Unknown field '{unknown}'. Did you mean '{closest}'?")


@pytest.mark.parametrize("body", [{"lable": "dog"}, {"min_confidence": 1, "lable": "dog"}])
def test_an_unknown_field_is_reported_before_missing_and_invalid_ones(body: dict[str, Any]) -> None:
    assert rejection(SubmitBody, body).code == "unknown_field"


def test_the_first_of_several_unknown_fields_is_named() -> None:
    assert "'lable'" in rejection(SubmitBody, IMAGE | {"lable": "dog", "refrence": "r"}).message


@pytest.mark.parametrize("value", ["Y", "", None, 7, {"a": []}])
@pytest.mark.parametrize(("kind", "body"), BODIES.values(), ids=BODIES)
def test_debug_data_in_a_body_is_accepted_and_ignored(kind: type[BaseModel], body: dict[str, Any], value: Any) -> None:
    with_debug = request_models.read(kind, json.dumps(body | {"debugData": value}))
    assert with_debug == request_models.read(kind, json.dumps(body))


def test_an_unknown_field_of_an_entry_affects_only_that_entry() -> None:
    entries = request_models.read(BatchBody, json.dumps({"entries": [IMAGE | {"lable": "dog"}, IMAGE]})).entries
    with pytest.raises(BadInput, match="Did you mean 'label'") as error:
        request_models.read_entry(entries[0])
    assert error.value.code == "unknown_field"
    assert isinstance(request_models.read_entry(entries[1]), EntryBody)


def test_debug_data_in_an_entry_is_accepted_and_ignored() -> None:
    assert request_models.read_entry(IMAGE | {"debugData": "Y"}) == request_models.read_entry(IMAGE)


def test_a_field_of_an_entry_is_unknown_next_to_the_entries() -> None:
    assert rejection(BatchBody, {"entries": [IMAGE], "label": "dog"}).code == "unknown_field"
    assert rejection(SubmitBody, IMAGE | {"idempotency_key": "k"}).code == "unknown_field"


def test_a_long_name_is_shortened_and_unprintable_characters_are_replaced() -> None:
    message = rejection(QuestionBody, {"x" * 5000: 1}).message
    assert len(message) < 300
    assert rejection(QuestionBody, {"\x1b[2J\n": 1}).message.startswith("Unknown field '?[2J?'. ")


@pytest.mark.parametrize(
    "body",
    [
        {f"k{number}": 1 for number in range(400_000)},
        {"x" * 4_000_000: 1},
        {"label": "cat", "lable" * 800_000: 1},
    ],
    ids=["many names", "a long name", "a long name that is similar"],
)
def test_crafted_names_cost_no_more_than_parsing_them(body: dict[str, Any]) -> None:
    text = json.dumps(body)
    started = time.process_time()
    json.loads(text)
    parsed = time.process_time()
    with pytest.raises(BadInput):
        request_models.read(QuestionBody, text)
    assert time.process_time() - parsed < 5 * (parsed - started) + 0.1


@pytest.mark.parametrize("is_base64", [False, True])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_body_may_begin_with_a_byte_order_mark(mark: str, is_base64: bool) -> None:
    text = mark + json.dumps({"label": "cat"})
    event = {"body": b64encode(text.encode()).decode() if is_base64 else text, "isBase64Encoded": is_base64}
    assert request_models.read(QuestionBody, http.body_text(event)).label == "cat"


@pytest.mark.parametrize("body", [None, "", "\ufeff"])
def test_a_mark_alone_is_no_body(body: str | None) -> None:
    assert not http.body_text({"body": body})


def test_a_known_body_does_not_load_difflib() -> None:
    program = (
        "import sys; from imagescan.api import request_models as models;"
        "models.read(models.QuestionBody, '{\"label\": \"cat\"}'); print('difflib' in sys.modules)"
    )
    found = subprocess.run(  # noqa: S603 - this interpreter runs the program above
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": "src"}
    )
    assert found.stdout.strip() == "False"
