"""The labels that a scan returns, and how label names are compared.

Labels and boxes are named tuples, because a response has dozens of them and a data class takes longer to create and to
hash.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

LOWEST_CONFIDENCE = 25.0
"""Labels are requested from Rekognition and stored from this percentage, so that later questions need no new scan."""

MAX_LABEL_LENGTH = 100
"""In characters (code points), as sent and in the normal form."""

_WORD_SEPARATORS = dict.fromkeys(map(ord, "\t\n\v\f\r"), " ")
_ASCII_CONTROLS = dict.fromkeys((*range(0x20), 0x7F)) | _WORD_SEPARATORS
_INVISIBLE = frozenset(("Cc", "Cf"))  # the Unicode categories of control and format characters


class Box(NamedTuple):
    """Bounding box of one instance of a label: fractions of the image's width and height, confidence in percent."""

    left: float
    top: float
    width: float
    height: float
    confidence: float


class Label(NamedTuple):
    """A label as Rekognition names it, with its confidence in percent."""

    name: str
    confidence: float
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()


def most_confident_first(labels: Iterable[Label]) -> list[Label]:
    """Sort labels by descending confidence, and labels of equal confidence by name, so that the order is stable."""
    return sorted(labels, key=lambda label: (-label.confidence, label.name))


@lru_cache(maxsize=5000)  # Rekognition has about 3,000 names, and each question is compared with all names of an image
def normalized(name: str) -> str:
    """Return the form in which names are compared.

    It has compatibility characters replaced (NFKC), control and format characters removed, case folded, and whitespace
    trimmed and collapsed. It is empty if the name contains nothing visible.
    """
    visible = name.translate(_ASCII_CONTROLS).casefold() if name.isascii() else _visible(name)
    return " ".join(visible.split())


def is_valid_label(label: str) -> bool:
    """Return whether a label may be requested: it contains something visible, and neither form of it is too long."""
    return len(label) <= MAX_LABEL_LENGTH and 0 < len(normalized(label)) <= MAX_LABEL_LENGTH


def _visible(name: str) -> str:
    """Return the case-folded name without control and format characters, except that tabs and line breaks are spaces.

    Removing a character can make others composable, so that NFKC applies twice.
    """
    import unicodedata  # noqa: PLC0415 - Rekognition's names are ASCII, so that few functions ever load it

    compatible = unicodedata.normalize("NFKC", name).translate(_WORD_SEPARATORS)
    visible = "".join(each for each in compatible if unicodedata.category(each) not in _INVISIBLE)
    return unicodedata.normalize("NFKC", visible.casefold())
