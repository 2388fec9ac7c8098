"""The fields of a request body for features other than labels."""

import json
from typing import Any

import pytest

from imagescan.api import request_models
from imagescan.api.request_models import QuestionBody, SubmitBody
from imagescan.domain.errors import BadInput
from imagescan.domain.feature import Feature
from imagescan.domain.question import MatchMode, Question

LABELS, MODERATION, TEXT = Feature
IMAGE: dict[str, Any] = {"sha256": "ab" * 32, "size": 9, "fileType": "image/png"}
Others = tuple[tuple[Feature, tuple[str, ...]], ...]


def question(**fields: Any) -> Question:
    return request_models.read(QuestionBody, json.dumps(fields)).question("cat", 90)


@pytest.mark.parametrize(
    ("fields", "labels", "others"),
    [
        ({}, ("cat",), ()),
        ({"moderation": None, "text": None, "features": None}, ("cat",), ()),
        ({"text": ["sale"]}, (), ((TEXT, ("sale",)),)),
        ({"moderation": ["*"]}, (), ((MODERATION, ("*",)),)),
        ({"features": ["text"]}, (), ((TEXT, ()),)),
        ({"features": ["labels"]}, (), ((LABELS, ()),)),
        ({"features": ["text", "labels"]}, (), ((LABELS, ()), (TEXT, ()))),
        ({"label": "dog", "text": ["sale"]}, ("dog",), ((TEXT, ("sale",)),)),
        ({"labels": ["dog", "bus"], "features": ["moderation"]}, ("dog", "bus"), ((MODERATION, ()),)),
        ({"label": "dog", "features": ["labels"]}, ("dog",), ()),
        ({"text": ["sale"], "features": ["text", "moderation"]}, (), ((MODERATION, ()), (TEXT, ("sale",)))),
        ({"text": ["b", " a ", "b"], "moderation": ["*", "*"]}, (), ((MODERATION, ("*",)), (TEXT, ("b", "a")))),
    ],
    ids=str,
)
def test_a_question_has_the_default_label_only_if_nothing_else_is_requested(
    fields: dict[str, Any], labels: tuple[str, ...], others: Others
) -> None:
    assert question(**fields) == Question(labels, 90, others=others)


def test_mode_and_confidence_apply_to_the_whole_question() -> None:
    fields = {"label": "dog", "moderation": ["Violence"], "text": ["20% off"], "match_mode": "none"}
    assert question(**fields, min_confidence=55.5) == Question(
        ("dog",), 55.5, MatchMode.NONE, ((MODERATION, ("Violence",)), (TEXT, ("20% off",)))
    )


@pytest.mark.parametrize("field", ["moderation", "text"])
@pytest.mark.parametrize(
    "value",
    ["sale", [], [""], ["  "], ["\u200b"], ["x" * 101], ["sale", 7], [["sale"]], ["sale"] * 26, {"sale": 1}],
    ids=lambda value: str(value)[:20],
)
def test_a_list_of_names_or_texts_has_1_to_25_entries_of_1_to_100_visible_characters(field: str, value: Any) -> None:
    with pytest.raises(BadInput) as raised:
        request_models.read(SubmitBody, json.dumps(IMAGE | {field: value}))
    assert raised.value.code == f"invalid_{field}"
    assert raised.value.message.startswith(f"'{field}' must be a list of 1 to 25 ")


@pytest.mark.parametrize("field", ["moderation", "text"])
def test_the_longest_list_of_the_longest_texts_is_accepted(field: str) -> None:
    texts = [f"{at:02}" + "x" * 98 for at in range(25)]
    assert question(**{field: texts}).asked == {Feature(field): tuple(texts)}


@pytest.mark.parametrize(
    "value", ["text", [], ["faces"], ["Text"], ["text", "text"], [None], [1], ["labels", "moderation", "text", "text"]]
)
def test_features_are_distinct_known_names(value: Any) -> None:
    with pytest.raises(BadInput) as raised:
        request_models.read(SubmitBody, json.dumps(IMAGE | {"features": value}))
    assert raised.value.code == "invalid_features"
    for feature in Feature:
        assert f'"{feature}"' in raised.value.message


@pytest.mark.parametrize(
    ("unknown", "closest"), [("feature", "features"), ("texts", "text"), ("moderations", "moderation")]
)
def test_a_misspelled_field_is_named_with_the_closest_one(unknown: str, closest: str) -> None:
    with pytest.raises(BadInput, match=f"Did you mean '{closest}'") as raised:
        request_models.read(QuestionBody, json.dumps({unknown: ["text"]}))
    assert raised.value.code == "unknown_field"


# ---------------------------------------------------------------- payload hashes


def payload_hash(**fields: Any) -> str:
    body = request_models.read(SubmitBody, json.dumps(IMAGE | fields))
    return request_models.payload_hash(body.image(), body)


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({}, "c6398cee5dc4c0de841e7fea51adddc8"),
        ({"label": "cat", "min_confidence": 90}, "338a2a0b8f0437816e35822e4311a395"),
        (
            {"labels": ["dog", "cat"], "match_mode": "all", "min_confidence": 75.5, "reference": "order 7"},
            "789f80e8f7862bce73a0aed87427eb8e",
        ),
        ({"features": None, "moderation": None, "text": None}, "c6398cee5dc4c0de841e7fea51adddc8"),
    ],
)
def test_the_payload_hash_of_a_body_for_labels_only_is_that_of_earlier_versions(
    fields: dict[str, Any], stored: str
) -> None:
    """A key that was used before the update must not be rejected when it is repeated after it."""
    assert payload_hash(**fields) == stored


def test_the_order_of_features_does_not_change_the_payload_hash() -> None:
    assert payload_hash(features=["text", "labels"]) == payload_hash(features=["labels", "text"])


@pytest.mark.parametrize(
    ("fields", "equal"),
    [
        ({"text": ["sale"], "features": ["text"]}, {"text": ["sale"]}),
        ({"label": "cat", "features": ["labels"]}, {"label": "cat"}),
        ({"label": "cat", "features": ["text", "labels"]}, {"labels": ["cat"], "features": ["text"]}),
    ],
)
def test_a_feature_of_which_something_is_asked_does_not_change_the_payload_hash(
    fields: dict[str, Any], equal: dict[str, Any]
) -> None:
    assert payload_hash(**fields) == payload_hash(**equal)


def test_each_question_has_a_payload_hash_of_its_own() -> None:
    bodies: list[dict[str, Any]] = [
        {},
        {"features": ["labels"]},
        {"features": ["text"]},
        {"features": ["moderation"]},
        {"features": ["moderation", "text"]},
        {"text": ["sale"]},
        {"text": ["sale", "exit"]},
        {"text": ["exit", "sale"]},
        {"moderation": ["sale"]},
        {"labels": ["sale"]},
        {"text": ["sale"], "features": ["moderation"]},
        {"text": ["sale"], "moderation": ["*"]},
        {"text": ["sale"], "label": "cat"},
    ]
    assert len({payload_hash(**body) for body in bodies}) == len(bodies)
