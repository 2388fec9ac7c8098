"""What an image shows, and whether that answers the question. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

# Labels are asked of Rekognition and kept from here up, so that a later question needs no new scan.
LOWEST_CONFIDENCE = 25.0
NEAREST = 3


@dataclass(frozen=True, slots=True)
class Box:
    """Where one instance of a label is: fractions of the image's width and height; confidence in percent."""

    left: float
    top: float
    width: float
    height: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Label:
    """One thing that an image shows, as Rekognition names it; confidence in percent."""

    name: str
    confidence: float
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()


class MatchedBy(StrEnum):
    """How a label answers to the word asked for, the closest first."""

    NAME = "name"
    ALIAS = "alias"
    PARENT = "parent"
    CATEGORY = "category"


_NAMES: dict[MatchedBy, Callable[[Label], Sequence[str]]] = {
    MatchedBy.NAME: lambda label: (label.name,),
    MatchedBy.ALIAS: lambda label: label.aliases,
    MatchedBy.PARENT: lambda label: label.parents,
    MatchedBy.CATEGORY: lambda label: label.categories,
}
_CLOSENESS = {how: rank for rank, how in enumerate(MatchedBy)}


@dataclass(frozen=True, slots=True)
class Match:
    """The label that answers the question, and by which of its names."""

    label: Label
    matched_by: MatchedBy


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether the image shows one label that was asked for; for a miss, the labels that come nearest (3 at most)."""

    wanted: str
    match: Match | None
    nearest: tuple[Label, ...] = ()

    @property
    def matched(self) -> bool:
        return self.match is not None


class MatchMode(StrEnum):
    """How many of the labels asked for have to be shown for a yes."""

    ANY = "any"
    ALL = "all"
    NONE = "none"


_ENOUGH: dict[MatchMode, Callable[[Iterable[bool]], bool]] = {
    MatchMode.ANY: any,
    MatchMode.ALL: all,
    MatchMode.NONE: lambda shown: not any(shown),
}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of an image: labels, how many of them are wanted, and the percentage from which one counts."""

    labels: tuple[str, ...]
    min_confidence: float
    mode: MatchMode = MatchMode.ANY


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a question, with a finding for each label asked for, in the order asked."""

    matched: bool
    findings: tuple[Finding, ...]


def judge(question: Question, labels: Sequence[Label]) -> Verdict:
    """What an image that shows ``labels`` answers to ``question``."""
    findings = tuple(match(wanted, labels, question.min_confidence) for wanted in question.labels)
    return Verdict(_ENOUGH[question.mode](finding.matched for finding in findings), findings)


@lru_cache(maxsize=5000)  # Rekognition has some 3,000 names, and an answer is asked about every one of its own
def normalized(name: str) -> str:
    """The form in which names are compared: case and surrounding space do not count, inner space counts once."""
    return " ".join(name.split()).casefold()


def match(wanted: str, labels: Sequence[Label], min_confidence: float) -> Finding:
    """Whether ``labels`` show ``wanted`` at ``min_confidence`` percent or more, by name, alias, parent or category.

    The closest kind of match wins, then the higher confidence. A miss names the labels that come nearest: first those
    that answer to ``wanted`` but fall short of the confidence, then the most confident of the others.
    """
    name, ranked = normalized(wanted), most_confident_first(labels)
    answering = [Match(label, how) for label in ranked if (how := _how(name, label))]
    confident = [found for found in answering if found.label.confidence >= min_confidence]
    if confident:
        return Finding(wanted, min(confident, key=lambda found: _CLOSENESS[found.matched_by]))
    short_of_it = [found.label for found in answering]
    return Finding(
        wanted, None, tuple((short_of_it + [label for label in ranked if label not in short_of_it])[:NEAREST])
    )


def most_confident_first(labels: Iterable[Label]) -> list[Label]:
    """Labels by falling confidence, equal ones by name, so that the same labels always come in the same order."""
    return sorted(labels, key=lambda label: (-label.confidence, label.name))


def _how(wanted: str, label: Label) -> MatchedBy | None:
    for how, names in _NAMES.items():
        if wanted in map(normalized, names(label)):
            return how
    return None
