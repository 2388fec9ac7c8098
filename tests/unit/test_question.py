import pytest

from imagescan.domain.feature import Feature
from imagescan.domain.labels import Label, match_label
from imagescan.domain.match import Box, MatchedBy
from imagescan.domain.question import MatchMode, Question, evaluate

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
