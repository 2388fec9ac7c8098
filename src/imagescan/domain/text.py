"""The text that a scan reads in an image, and how a requested text is matched."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from imagescan.domain.feature import Feature
from imagescan.domain.labels import normalized
from imagescan.domain.match import Box, Match, MatchedBy, Result

type Polygon = tuple[tuple[float, float], ...]


class TextWord(NamedTuple):
    """A word with its confidence in percent and its corners, in fractions of the image's width and height."""

    text: str
    confidence: float
    polygon: Polygon


class TextLine(NamedTuple):
    """A line of text with its confidence in percent, its corners, and its words from left to right."""

    text: str
    confidence: float
    polygon: Polygon
    words: tuple[TextWord, ...] = ()

    @property
    def name(self) -> str:
        return self.text

    @property
    def boxes(self) -> tuple[Box, ...]:
        return (bounding_box(self.polygon, self.confidence),)


def bounding_box(polygon: Polygon, confidence: float) -> Box:
    """Return the smallest upright box that contains the polygon."""
    xs, ys = [x for x, _ in polygon], [y for _, y in polygon]
    left, top = min(xs), min(ys)
    return Box(left, top, round(max(xs) - left, 5), round(max(ys) - top, 5), confidence)


def match_text(asked: str, lines: Iterable[TextLine], min_confidence: float) -> Result:
    """Look for ``asked`` in the lines with at least ``min_confidence`` percent. The most confident line wins.

    A line matches if it contains the text as whole words: case-folded, with compatibility characters replaced (NFKC)
    and whitespace collapsed. Where the text begins or ends with a letter or digit, the character next to it in the
    line must not be one.
    """
    text = normalized(asked)
    found = [line for line in lines if line.confidence >= min_confidence and contains(normalized(line.text), text)]
    best = min(found, key=lambda line: (-line.confidence, line.text), default=None)
    return Result(asked, Match(best, MatchedBy.TEXT) if best else None, feature=Feature.TEXT)


def contains(line: str, text: str) -> bool:
    """Return whether the line contains the text as whole words. Both are in the normal form."""
    return any(
        not (_is_inside_word(line, at) or _is_inside_word(line, at + len(text))) for at in _occurrences(line, text)
    )


def _occurrences(line: str, text: str) -> Iterator[int]:
    at = line.find(text)
    while at != -1:
        yield at
        at = line.find(text, at + 1)


def _is_inside_word(line: str, at: int) -> bool:
    """Return whether letters, digits or their accents are on both sides of this position."""
    return 0 < at < len(line) and _is_part_of_word(line[at - 1]) and _is_part_of_word(line[at])


def _is_part_of_word(character: str) -> bool:
    """Return whether the character is a letter, a digit, or an accent that belongs to the letter before it."""
    return character.isalnum() or (not character.isascii() and _is_mark(character))


def _is_mark(character: str) -> bool:
    import unicodedata  # noqa: PLC0415 - most texts are ASCII or contain composed letters only

    return unicodedata.category(character).startswith("M")
