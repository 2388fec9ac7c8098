import pytest

from imagescan.domain.labels import Box, Label, most_confident_first
from imagescan.domain.question import MatchedBy, MatchMode, Question, evaluate, match

CAT = Label(
    "Cat", 97.0, ("Animal", "Mammal", "Pet"), ("Feline",), ("Animals and Pets",), (Box(0.1, 0.1, 0.5, 0.5, 96.0),)
)
DOG = Label("Dog", 62.0, ("Animal", "Mammal", "Pet"), ("Canine",), ("Animals and Pets",))
PET = Label("Pet", 98.0, ("Animal",), (), ("Animals and Pets",))
CAR = Label("Car", 91.0, ("Transportation", "Vehicle"), ("Automobile",), ("Vehicles and Automotive",))
LABELS = (DOG, PET, CAR, CAT)


@pytest.mark.parametrize(
    ("wanted", "label", "how"),
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
def test_a_label_matches_by_name_alias_parent_or_category(wanted: str, label: str, how: MatchedBy) -> None:
    found = match(wanted, LABELS, 90).match
    assert found
    assert (found.label.name, found.matched_by) == (label, how)


def test_the_closest_kind_of_match_wins_over_a_higher_confidence() -> None:
    found = match("pet", (CAT, Label("Pet", 90.0)), 90).match
    assert found
    assert found.label.name == "Pet"


@pytest.mark.parametrize("wanted", ["cat", "feline", "mammal", "animals and pets"])
def test_below_the_asked_confidence_nothing_matches_whichever_way(wanted: str) -> None:
    assert not match(wanted, (CAT,), 97.1).matched
    assert match(wanted, (CAT,), 97.0).matched


@pytest.mark.parametrize("wanted", ["", "   ", "ca", "cats", "catalogue"])
def test_a_part_of_a_name_matches_nothing(wanted: str) -> None:
    assert not match(wanted, LABELS, 25).matched


def test_a_miss_names_the_asked_label_first_then_the_most_confident() -> None:
    assert [label.name for label in match("dog", LABELS, 90).closest_labels] == ["Dog", "Pet", "Cat"]


def test_a_miss_on_no_labels_at_all_has_nothing_near() -> None:
    assert match("cat", (), 90).closest_labels == ()


def test_a_match_names_nothing_near() -> None:
    assert match("cat", LABELS, 90).closest_labels == ()


def test_labels_of_equal_confidence_come_by_name() -> None:
    assert [label.name for label in most_confident_first([Label("B", 50), Label("A", 50), Label("C", 60)])] == [
        "C",
        "A",
        "B",
    ]


@pytest.mark.parametrize(
    ("wanted", "mode", "matched"),
    [
        (("cat", "bus"), MatchMode.ANY, True),
        (("tram", "bus"), MatchMode.ANY, False),
        (("cat", "car"), MatchMode.ALL, True),
        (("cat", "bus"), MatchMode.ALL, False),
        (("tram", "bus"), MatchMode.NONE, True),
        (("cat", "bus"), MatchMode.NONE, False),
    ],
)
def test_several_labels_are_a_yes_when_any_all_or_none_of_them_is_shown(
    wanted: tuple[str, ...], mode: MatchMode, matched: bool
) -> None:
    verdict = evaluate(Question(wanted, 90, mode), LABELS)
    assert verdict.matched is matched
    assert [finding.wanted for finding in verdict.findings] == list(wanted)
