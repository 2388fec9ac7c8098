"""Labels are compared without case and invisible characters. The web page reads the same table."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagescan.api import query_params, request_models
from imagescan.api.request_models import QuestionBody, SubmitBody
from imagescan.domain.errors import BadInput
from imagescan.domain.labels import Label, match_label, normalized
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest
from imagescan.use_cases.list_requests import ListFilter

TABLE: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "label_normalisation.json").read_text(encoding="utf-8")
)
VALID = [row for row in TABLE if row["normalised"] is not None]
INVALID = [row for row in TABLE if row["normalised"] is None]


def name_of(row: dict[str, Any]) -> str:
    return f"{TABLE.index(row)}: {row['why']}"


@pytest.mark.parametrize("row", VALID, ids=name_of)
def test_a_label_has_the_normal_form_of_the_table(row: dict[str, Any]) -> None:
    assert normalized(row["label"]) == row["normalised"]


@pytest.mark.parametrize("row", VALID, ids=name_of)
def test_a_valid_label_is_echoed_as_sent(row: dict[str, Any]) -> None:
    body = request_models.read(QuestionBody, json.dumps({"label": row["label"]}))
    assert body.question("cat", 90).labels == (row["label"].strip(),)


@pytest.mark.parametrize("row", INVALID, ids=name_of)
def test_an_invalid_label_is_rejected_wherever_it_is_sent(row: dict[str, Any]) -> None:
    for sent, code in (
        ({"label": row["label"]}, "invalid_label"),
        ({"labels": ["cat", row["label"]]}, "invalid_labels"),
    ):
        with pytest.raises(BadInput) as error:
            request_models.read(QuestionBody, json.dumps(sent))
        assert error.value.code == code
    with pytest.raises(BadInput) as error:
        query_params.list_filter({"label": row["label"]}, None)
    assert error.value.code == "invalid_label"


@pytest.mark.parametrize("row", VALID, ids=name_of)
def test_a_valid_label_can_be_listed(row: dict[str, Any]) -> None:
    request = ScanRequest("r", "h", "k", Question((row["normalised"],), 90), created_at=1, deadline=2)
    assert query_params.list_filter({"label": row["label"]}, None).matches(request)
    assert not ListFilter(label="another label").matches(request)


@pytest.mark.parametrize("label", ["\ufeffcat", "c\u200bat", "\uff23\uff21\uff34", "cat\u00ad"])
def test_an_invisible_character_is_no_reason_for_a_no(label: str) -> None:
    result = match_label(label, [Label("Cat", 97)], 90)
    assert (result.matched, result.asked) == (True, label)


def test_labels_that_look_the_same_are_different_payloads() -> None:
    hashes = set()
    for label in ("cat", "\ufeffcat", "Cat"):
        body = request_models.read(
            SubmitBody, json.dumps({"sha256": "ab" * 32, "size": 9, "fileType": "image/png", "label": label})
        )
        hashes.add(request_models.payload_hash(body.image(), body))
    assert len(hashes) == 3


@given(st.text())
@example("e\u200d\u0301")
@example("\u0130")
@example("\u0390")
@example("\x1c\x85\u2028")
def test_normalising_twice_changes_nothing(name: str) -> None:
    assert normalized(normalized(name)) == normalized(name)


@given(st.text(st.characters(codec="ascii")))
def test_ascii_labels_have_the_form_that_the_general_rules_give(name: str) -> None:
    with_other_character = normalized(f"{name} \u00e9")
    assert with_other_character == f"{normalized(name)} \u00e9".strip()


def test_ascii_labels_do_not_load_the_unicode_tables() -> None:
    program = (
        "import sys; from imagescan.domain.labels import normalized; normalized(' Hot\\tDog\\0 ');"
        "print('unicodedata' in sys.modules)"
    )
    found = subprocess.run(  # noqa: S603 - this interpreter runs the program above
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": "src"}
    )
    assert found.stdout.strip() == "False"
