from dataclasses import replace

import pytest

from imagescan.domain.feature import Feature
from imagescan.domain.labels import Label, match_label
from imagescan.domain.match import Box, Finding, MatchedBy
from imagescan.domain.moderation import ModerationLabel
from imagescan.domain.question import MatchMode, Question, evaluate
from imagescan.domain.text import TextLine

CAT = Label(
    "Cat", 97.0, ("Animal", "Mammal", "Pet"), ("Feline",), ("Animals and Pets",), (Box(0.1, 0.1, 0.5, 0.5, 96.0),)
)
DOG = Label("Dog", 62.0, ("Animal", "Mammal", "Pet"), ("Canine",), ("Animals and Pets",))
PET = Label("Pet", 98.0, ("Animal",), (), ("Animals and Pets",))
CAR = Label("Car", 91.0, ("Transportation", "Vehicle"), ("Automobile",), ("Vehicles and Automotive",))
LABELS = (DOG, PET, CAR, CAT)


@pytest.mark.parametrize(
    ("requested", "label", "matched_by"),
    [
        ("Cat", "Cat", MatchedBy.NAME),
        ("  cAT ", "Cat", MatchedBy.NAME),
        ("feline", "Cat", MatchedBy.ALIAS),
        ("mammal", "Cat", MatchedBy.PARENT),
        ("vehicle", "Car", MatchedBy.PARENT),
        ("animals  and pets", "Pet", MatchedBy.CATEGORY),
        ("pet", "Pet", MatchedBy.NAME),
        ("animal", "Pet", MatchedBy.PARENT),
    ],
)
def test_a_label_matches_by_name_alias_parent_or_category(requested: str, label: str, matched_by: MatchedBy) -> None:
    found = match_label(requested, LABELS, 90).match
    assert found
    assert (found.finding.name, found.matched_by) == (label, matched_by)


def test_the_closest_kind_of_match_wins_over_a_higher_confidence() -> None:
    found = match_label("pet", (CAT, Label("Pet", 90.0)), 90).match
    assert found
    assert found.finding.name == "Pet"


@pytest.mark.parametrize("requested", ["cat", "feline", "mammal", "animals and pets"])
def test_a_label_below_the_minimum_confidence_does_not_match_by_any_kind_of_name(requested: str) -> None:
    assert not match_label(requested, (CAT,), 97.1).matched
    assert match_label(requested, (CAT,), 97.0).matched


@pytest.mark.parametrize("requested", ["", "   ", "ca", "cats", "catalogue"])
def test_a_part_of_a_name_does_not_match_label(requested: str) -> None:
    assert not match_label(requested, LABELS, 25).matched


def test_a_miss_lists_the_requested_label_first_and_then_the_most_confident_labels() -> None:
    assert [label.name for label in match_label("dog", LABELS, 90).closest] == ["Dog", "Pet", "Cat"]


def test_an_image_without_labels_has_no_closest_labels() -> None:
    assert match_label("cat", (), 90).closest == ()


def test_a_match_has_no_closest_labels() -> None:
    assert match_label("cat", LABELS, 90).closest == ()


@pytest.mark.parametrize(
    ("requested", "mode", "matched"),
    [
        (("cat", "bus"), MatchMode.ANY, True),
        (("tram", "bus"), MatchMode.ANY, False),
        (("cat", "car"), MatchMode.ALL, True),
        (("cat", "bus"), MatchMode.ALL, False),
        (("tram", "bus"), MatchMode.NONE, True),
        (("cat", "bus"), MatchMode.NONE, False),
    ],
)
def test_the_match_mode_decides_whether_any_all_or_none_of_the_labels_must_match(
    requested: tuple[str, ...], mode: MatchMode, matched: bool
) -> None:
    verdict = evaluate(Question(requested, 90, mode), {Feature.LABELS: LABELS})
    assert verdict.matched is matched
    assert [result.asked for result in verdict.results] == list(requested)


# ---------------------------------------------------------------- several features

BLADE = ModerationLabel("Bladed Weapon", 96.0, ("Violence", "Weapons"), level=3)
SALE = TextLine("Summer SALE", 99.0, ((0.1, 0.2), (0.4, 0.2), (0.4, 0.3), (0.1, 0.3)))
FINDINGS: dict[Feature, tuple[Finding, ...]] = {
    Feature.LABELS: LABELS,
    Feature.MODERATION: (BLADE,),
    Feature.TEXT: (SALE,),
}


def asking(mode: MatchMode = MatchMode.ANY, /, **asked: tuple[str, ...]) -> Question:
    """Return a question with what is asked of each feature."""
    others = tuple((Feature(name), texts) for name, texts in asked.items() if name != Feature.LABELS)
    return Question(asked.get("labels", ()), 90, mode, others)


def test_the_results_are_in_the_order_of_the_features_and_of_what_is_asked_of_each() -> None:
    question = asking(text=("sale", "exit"), moderation=("*",), labels=("cat", "bus"))
    verdict = evaluate(question, FINDINGS)
    assert [(result.feature, result.asked, result.matched) for result in verdict.results] == [
        (Feature.LABELS, "cat", True),
        (Feature.LABELS, "bus", False),
        (Feature.MODERATION, "*", True),
        (Feature.TEXT, "sale", True),
        (Feature.TEXT, "exit", False),
    ]


@pytest.mark.parametrize(
    ("labels", "moderation", "text", "expected"),
    [  # whether any, all and none match
        (("cat",), ("weapons",), ("sale",), (True, True, False)),
        (("cat",), ("weapons",), ("exit",), (True, False, False)),
        (("bus",), ("*",), (), (True, False, False)),
        (("bus",), ("gambling",), ("sale", "exit"), (True, False, False)),
        (("bus",), ("gambling",), ("exit",), (False, False, True)),
        ((), ("*",), ("sale",), (True, True, False)),
        ((), (), ("exit",), (False, False, True)),
    ],
)
def test_the_match_mode_applies_to_the_results_of_all_features(
    labels: tuple[str, ...], moderation: tuple[str, ...], text: tuple[str, ...], expected: tuple[bool, bool, bool]
) -> None:
    asked = {"labels": labels, "moderation": moderation, "text": text}
    verdicts = [evaluate(asking(mode, **asked), FINDINGS) for mode in (MatchMode.ANY, MatchMode.ALL, MatchMode.NONE)]
    assert tuple(verdict.matched for verdict in verdicts) == expected


@pytest.mark.parametrize("mode", MatchMode)
def test_a_question_that_asks_nothing_has_no_verdict(mode: MatchMode) -> None:
    question = asking(mode, moderation=(), text=())
    verdict = evaluate(question, FINDINGS)
    assert (question.features, verdict.matched, verdict.results) == ((Feature.MODERATION, Feature.TEXT), None, ())


def test_a_feature_that_is_only_scanned_has_no_results() -> None:
    question = asking(MatchMode.ALL, labels=("cat",), text=())
    verdict = evaluate(question, FINDINGS)
    assert question.features == (Feature.LABELS, Feature.TEXT)
    assert [(result.feature, result.matched) for result in verdict.results] == [(Feature.LABELS, True)]
    assert verdict.matched


def test_labels_may_be_scanned_without_asking_for_one() -> None:
    question = Question((), 90, others=((Feature.LABELS, ()), (Feature.TEXT, ("sale",))))
    assert question.features == (Feature.LABELS, Feature.TEXT)
    assert evaluate(question, FINDINGS).matched


def test_the_minimum_confidence_applies_to_all_features() -> None:
    verdicts = [
        evaluate(replace(asking(labels=("cat",), moderation=("*",), text=("sale",)), min_confidence=at), FINDINGS)
        for at in (95, 97, 98, 100)
    ]
    assert [[result.matched for result in verdict.results] for verdict in verdicts] == [
        [True, True, True],
        [True, False, True],
        [False, False, True],
        [False, False, False],
    ]
