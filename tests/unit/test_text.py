"""A requested text matches a line that contains it as whole words."""

import re
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from imagescan.domain.feature import Feature
from imagescan.domain.labels import normalized
from imagescan.domain.match import Box, MatchedBy
from imagescan.domain.text import Polygon, TextLine, bounding_box, contains, match_text

SQUARE: Polygon = ((0.1, 0.2), (0.4, 0.2), (0.4, 0.3), (0.1, 0.3))
ACUTE, CIRCUMFLEX = "\N{COMBINING ACUTE ACCENT}", "\N{COMBINING CIRCUMFLEX ACCENT}"


def line(text: str, confidence: float = 99.0) -> TextLine:
    return TextLine(text, confidence, SQUARE)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("SUMMER SALE", "sale"),
        ("Summer sale today", "summer  Sale"),
        ("Summer\tsale", " summer\nsale "),
        ("sale", "SALE"),
        ("Big (sale)!", "sale"),
        ("Sale, today", "sale"),
        ("half-price", "price"),
        ("U.S.A.", "u.s.a."),
        ("$20", "20"),
        ("$20", "$20"),
        ("50%off", "50%"),
        ("-50%", "50%"),
        ("wholesale sale", "sale"),
        ("aaa aa", "aa"),
        ("Straße 5", "STRASSE"),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER S}ALE", "sale"),
        ("ﬁsh", "fish"),
        ("Café", f"cafe{ACUTE}"),
        (f"Cafe{ACUTE}", "café"),
        ("Распродажа сегодня", "РАСПРОДАЖА"),
        ("تخفيضات كبيرة", "كبيرة"),
        ("हिन्दी किताब", "किताब"),
        ("sa\N{SOFT HYPHEN}le", "sale"),
    ],
)
def test_a_line_matches_a_text_that_it_contains_as_whole_words(text: str, asked: str) -> None:
    result = match_text(asked, [line(text)], 90)
    assert result.match
    assert (result.match.finding.name, result.match.matched_by) == (text, MatchedBy.TEXT)
    assert (result.asked, result.feature, result.closest) == (asked, Feature.TEXT, ())


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("wholesale", "sale"),
        ("sales", "sale"),
        ("presale2", "sale"),
        ("sale2", "sale"),
        ("120", "20"),
        ("205", "20"),
        ("SUMMER SALE", "sale summer"),
        ("summer big sale", "summer sale"),
        ("summersale", "summer sale"),
        ("a$20", "a20"),
        ("café", "cafe"),
        (f"cafe{ACUTE}", "cafe"),
        ("naïve", "naive"),
        (f"x{CIRCUMFLEX}yz", "yz"),
        (f"ax{CIRCUMFLEX}yz", f"ax{CIRCUMFLEX}"),
        ("किताब", "ताब"),
        ("किताब", "कि"),
        ("распродажа", "продажа"),
        ("", "sale"),
    ],
)
def test_a_line_does_not_match_a_text_that_is_part_of_a_word_or_in_another_order(text: str, asked: str) -> None:
    assert not match_text(asked, [line(text)], 25).matched


def test_the_most_confident_line_wins_and_of_equal_ones_the_first_by_text() -> None:
    lines = [line("Sale now", 95.0), line("big sale", 98.0), line("Big sale", 98.0), line("SALE", 91.0)]
    for ordered in (lines, lines[::-1]):
        found = match_text("sale", ordered, 90).match
        assert found
        assert found.finding.name == "Big sale"


@pytest.mark.parametrize(("confidence", "matched"), [(95.1, False), (95.0, True)])
def test_a_line_below_the_minimum_confidence_does_not_match(confidence: float, matched: bool) -> None:
    assert match_text("sale", [line("Sale", 95.0)], confidence).matched is matched


def test_a_text_does_not_match_across_lines() -> None:
    assert not match_text("summer sale", [line("summer"), line("sale")], 25).matched


def test_the_box_of_a_line_contains_all_its_corners() -> None:
    tilted: Polygon = ((0.2, 0.1), (0.6, 0.2), (0.5, 0.5), (0.1, 0.4))
    assert bounding_box(tilted, 97.5) == Box(0.1, 0.1, 0.5, 0.4, 97.5)
    assert line("Sale", 95.0).boxes == (Box(0.1, 0.2, 0.3, 0.1, 95.0),)


# ---------------------------------------------------------------- properties

LETTERS = st.characters(categories=["Lu", "Ll", "Lo", "Nd"]).filter(lambda each: normalized(each).isalnum())
WORDS = st.text(LETTERS, min_size=1, max_size=6)
MARKS = st.characters(categories=["Mn"], exclude_characters="\u0345")  # case folding turns this one into a letter
SEPARATORS = st.sampled_from([" ", "  ", "\t", "\n", " \n "])
ASCII = st.text("ab1 -%", max_size=8)


@given(st.lists(WORDS, min_size=1, max_size=6), st.data())
def test_consecutive_words_of_a_line_match_with_any_whitespace_between_them(
    words: list[str], data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    text = data.draw(SEPARATORS).join(words[start:end])
    assert match_text(text, [line(data.draw(SEPARATORS).join(words))], 90).matched


@given(ASCII, ASCII.filter(str.strip))
def test_a_text_is_found_where_no_letter_or_digit_continues_it(text: str, asked: str) -> None:
    asked = normalized(asked)
    before = r"(?<![a-z0-9])" if asked[0].isalnum() else ""
    after = r"(?![a-z0-9])" if asked[-1].isalnum() else ""
    expected = re.search(before + re.escape(asked) + after, normalized(text)) is not None
    assert contains(normalized(text), asked) is expected


@given(WORDS, WORDS, st.sampled_from(["{0}{1}", "{1}{0}", "{1}{0}{1}"]))
def test_a_word_does_not_match_inside_a_longer_one(word: str, more: str, pattern: str) -> None:
    longer = pattern.format(word, more)
    assume(len(normalized(longer).split()) == 1)
    assume(normalized(word) not in normalized(more))
    assert not match_text(word, [line(longer)], 25).matched


@given(WORDS, st.text(MARKS, min_size=1, max_size=2), WORDS | st.just(""))
def test_a_word_does_not_match_without_the_accents_that_follow_it(word: str, marks: str, rest: str) -> None:
    assume(not unicodedata.category(normalized(word)[-1]).startswith("M"))
    assume(normalized(word) not in normalized(rest))
    accented = f"{word}{marks}{rest}"
    assume(normalized(accented) != normalized(f"{word}{rest}"))
    assert not match_text(word, [line(accented)], 25).matched


@given(st.text(LETTERS | MARKS | st.sampled_from(" -'"), max_size=8), WORDS, st.sampled_from(["NFC", "NFD", "NFKD"]))
def test_the_unicode_normal_form_of_text_and_line_does_not_matter(before: str, asked: str, form: str) -> None:
    text = f"{before} {asked}"
    converted = unicodedata.normalize(form, text)  # type: ignore[arg-type]  # one of its forms
    assert match_text(asked, [line(text)], 25).matched
    assert match_text(asked, [line(converted)], 25).matched
    assert match_text(unicodedata.normalize(form, asked), [line(text)], 25).matched  # type: ignore[arg-type]


@given(st.text(max_size=8), st.text(min_size=1, max_size=4))
def test_case_does_not_matter(text: str, asked: str) -> None:
    assume(normalized(asked))
    matched = match_text(asked, [line(text)], 25).matched
    assert match_text(asked.casefold(), [line(text.casefold())], 25).matched is matched


@given(st.text(max_size=20).filter(normalized))
def test_every_line_matches_its_own_text(text: str) -> None:
    assert match_text(text, [line(text)], 90).matched
