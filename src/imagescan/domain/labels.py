"""The labels that a scan returns, how names are compared, and how a requested label is matched.

Labels and boxes are named tuples, because a response has dozens of them and a data class takes longer to create and to
hash.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from imagescan.domain.match import Box, Match, MatchedBy, Result

LOWEST_CONFIDENCE = 25.0
"""Labels are requested from Rekognition and stored from this percentage, so that later questions need no new scan."""

MAX_LABEL_LENGTH = 100
"""In characters (code points), as sent and in the normal form."""

_WORD_SEPARATORS = dict.fromkeys(map(ord, "\t\n\v\f\r"), " ")
_ASCII_CONTROLS = dict.fromkeys((*range(0x20), 0x7F)) | _WORD_SEPARATORS
_INVISIBLE = frozenset(("Cc", "Cf"))  # the Unicode categories of control and format characters


class Label(NamedTuple):
    """A label as Rekognition names it, with its confidence in percent."""

    name: str
    confidence: float
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()


_MAX_CLOSEST_LABELS = 3
_NAMES_BY_KIND: dict[MatchedBy, Callable[[Label], Sequence[str]]] = {
    MatchedBy.NAME: lambda label: (label.name,),
    MatchedBy.ALIAS: lambda label: label.aliases,
    MatchedBy.PARENT: lambda label: label.parents,
    MatchedBy.CATEGORY: lambda label: label.categories,
}
_MATCH_PRIORITY = {kind: rank for rank, kind in enumerate(_NAMES_BY_KIND)}


def match_label(asked: str, labels: Iterable[Label], min_confidence: float) -> Result:
    """Look for ``asked`` among ``labels`` with at least ``min_confidence`` percent.

    A label matches by name, alias, parent or category. The closest kind of match wins, then the higher confidence. If
    nothing matches, the result lists the closest labels: first those that match below the confidence, then the most
    confident others.
    """
    name, ranked = normalized(asked), most_confident_first(labels)
    candidates = [(label, kind) for label in ranked if (kind := _match_kind(name, label))]
    confident = [Match(label, kind) for label, kind in candidates if label.confidence >= min_confidence]
    if confident:
        return Result(asked, min(confident, key=lambda found: _MATCH_PRIORITY[found.matched_by]))
    below = [label for label, _ in candidates]
    closest = below + [label for label in ranked if label not in below]
    return Result(asked, None, tuple(closest[:_MAX_CLOSEST_LABELS]))


def _match_kind(requested: str, label: Label) -> MatchedBy | None:
    for kind, names in _NAMES_BY_KIND.items():
        if requested in map(normalized, names(label)):
            return kind
    return None


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
