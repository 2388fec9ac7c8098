"""Moderation labels match by their name, by a parent, or by ``*``."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagescan.domain.feature import Feature
from imagescan.domain.labels import normalized
from imagescan.domain.match import ANY_MODERATION_LABEL, MatchedBy
from imagescan.domain.moderation import ModerationLabel, match_moderation

VIOLENCE = ModerationLabel("Violence", 96.0)
WEAPONS = ModerationLabel("Weapons", 96.0, ("Violence",), level=2)
BLADE = ModerationLabel("Bladed Weapon", 91.0, ("Violence", "Weapons"), level=3)
DRINKS = ModerationLabel("Alcoholic Beverages", 60.0, ("Alcohol",), level=2)
LABELS = (DRINKS, VIOLENCE, BLADE, WEAPONS)


@pytest.mark.parametrize(
    ("asked", "name", "matched_by"),
    [
        ("Violence", "Violence", MatchedBy.NAME),
        (" bladed  WEAPON\n", "Bladed Weapon", MatchedBy.NAME),
        ("weapons", "Weapons", MatchedBy.NAME),
        ("*", "Weapons", MatchedBy.ANY),
    ],
)
def test_a_moderation_label_matches_by_its_name_and_any_label_by_a_star(
    asked: str, name: str, matched_by: MatchedBy
) -> None:
    result = match_moderation(asked, LABELS, 90)
    assert result.match
    assert (result.match.finding.name, result.match.matched_by) == (name, matched_by)
    assert (result.asked, result.feature, result.closest) == (asked, Feature.MODERATION, ())


@pytest.mark.parametrize("asked", ["violence", "weapons"])
def test_a_moderation_label_matches_by_each_of_its_parents(asked: str) -> None:
    found = match_moderation(asked, (BLADE,), 90).match
    assert found
    assert (found.finding, found.matched_by) == (BLADE, MatchedBy.PARENT)


def test_a_match_by_name_wins_over_a_more_confident_match_by_a_parent() -> None:
    by_parent = WEAPONS._replace(confidence=99.9)
    found = match_moderation("violence", (by_parent, VIOLENCE), 90).match
    assert found
    assert found.finding == VIOLENCE


def test_of_two_matches_of_the_same_kind_the_more_confident_one_wins() -> None:
    found = match_moderation("violence", (BLADE, WEAPONS), 90).match
    assert found
    assert found.finding == WEAPONS


def test_of_two_matches_of_equal_confidence_the_more_specific_one_wins() -> None:
    for labels in ((VIOLENCE, WEAPONS), (WEAPONS, VIOLENCE)):
        found = match_moderation("*", labels, 90).match
        assert found
        assert found.finding == WEAPONS


@pytest.mark.parametrize("asked", ["Alcoholic Beverages", "alcohol", "*"])
def test_a_moderation_label_below_the_minimum_confidence_does_not_match(asked: str) -> None:
    assert not match_moderation(asked, (DRINKS,), 60.1).matched
    assert match_moderation(asked, (DRINKS,), 60.0).matched


@pytest.mark.parametrize("asked", ["weapon", "blade", "**", "*weapons*", "Violence/Weapons", ""])
def test_neither_a_part_of_a_name_nor_a_pattern_matches(asked: str) -> None:
    assert not match_moderation(asked, LABELS, 25).matched


def test_an_image_without_moderation_labels_does_not_match_a_star() -> None:
    assert not match_moderation("*", (), 25).matched


NAMES = st.sampled_from(["Violence", "weapons", " Alcohol ", "Gambling", "VIOLENCE"])
CONFIDENCES = st.floats(0, 100)
FOUND = st.lists(
    st.builds(ModerationLabel, NAMES, CONFIDENCES, st.lists(NAMES, max_size=2).map(tuple), st.integers(1, 3)),
    max_size=5,
)


@given(NAMES | st.just(ANY_MODERATION_LABEL), FOUND, CONFIDENCES)
def test_a_match_is_the_best_label_with_sufficient_confidence(
    asked: str, labels: list[ModerationLabel], confidence: float
) -> None:
    confident = [label for label in labels if label.confidence >= confidence]
    is_any = asked == ANY_MODERATION_LABEL
    named = [label for label in confident if not is_any and normalized(label.name) == normalized(asked)]
    below = [label for label in confident if is_any or normalized(asked) in map(normalized, label.parents)]
    found = match_moderation(asked, labels, confidence).match
    if found is None:
        assert not named
        assert not below
    else:
        candidates = named or below
        assert found.finding in candidates
        assert found.finding.confidence == max(label.confidence for label in candidates)


@given(NAMES | st.just(ANY_MODERATION_LABEL), FOUND, CONFIDENCES)
def test_the_order_of_moderation_labels_does_not_matter(
    asked: str, labels: list[ModerationLabel], confidence: float
) -> None:
    found = match_moderation(asked, labels, confidence).match
    reordered = match_moderation(asked, labels[::-1], confidence).match
    assert (found is None) == (reordered is None)
    if found and reordered:
        assert (found.finding.name, found.finding.confidence, found.matched_by) == (
            reordered.finding.name,
            reordered.finding.confidence,
            reordered.matched_by,
        )
