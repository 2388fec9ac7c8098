"""The question of a request, and the pure function that evaluates it against the labels of an image."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from imagescan.domain.labels import Label, most_confident_first, normalized

MAX_CLOSEST_LABELS = 3


class MatchedBy(StrEnum):
    """Kind of name by which a label matches, the closest kind first."""

    NAME = "name"
    ALIAS = "alias"
    PARENT = "parent"
    CATEGORY = "category"


_NAMES_BY_KIND: dict[MatchedBy, Callable[[Label], Sequence[str]]] = {
    MatchedBy.NAME: lambda label: (label.name,),
    MatchedBy.ALIAS: lambda label: label.aliases,
    MatchedBy.PARENT: lambda label: label.parents,
    MatchedBy.CATEGORY: lambda label: label.categories,
}
_MATCH_PRIORITY = {kind: rank for rank, kind in enumerate(MatchedBy)}


@dataclass(frozen=True, slots=True)
class Match:
    """A label that matches, and the kind of name by which it does."""

    label: Label
    matched_by: MatchedBy


@dataclass(frozen=True, slots=True)
class LabelResult:
    """Result for one requested label. If there is no match, ``closest_labels`` holds at most 3 labels."""

    label: str
    match: Match | None
    closest_labels: tuple[Label, ...] = ()

    @property
    def matched(self) -> bool:
        return self.match is not None


class MatchMode(StrEnum):
    """How many of the requested labels the image must contain."""

    ANY = "any"
    ALL = "all"
    NONE = "none"


_MODE_PREDICATES: dict[MatchMode, Callable[[Iterable[bool]], bool]] = {
    MatchMode.ANY: any,
    MatchMode.ALL: all,
    MatchMode.NONE: lambda matched: not any(matched),
}


@dataclass(frozen=True, slots=True)
class Question:
    """The requested labels, how to combine them, and the minimum confidence in percent."""

    labels: tuple[str, ...]
    min_confidence: float
    mode: MatchMode = MatchMode.ANY


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a question, with one result per requested label in the order of the question."""

    matched: bool
    results: tuple[LabelResult, ...]


def evaluate(question: Question, labels: Sequence[Label]) -> Verdict:
    """Return the verdict on ``question`` for an image with these labels."""
    results = tuple(match(label, labels, question.min_confidence) for label in question.labels)
    return Verdict(_MODE_PREDICATES[question.mode](result.matched for result in results), results)


def match(requested: str, labels: Sequence[Label], min_confidence: float) -> LabelResult:
    """Look for ``requested`` among ``labels`` with at least ``min_confidence`` percent.

    A label matches by name, alias, parent or category. The closest kind of match wins, then the higher confidence. If
    nothing matches, the result lists the closest labels: first those that match below the confidence, then the most
    confident others.
    """
    name, ranked = normalized(requested), most_confident_first(labels)
    candidates = [Match(label, kind) for label in ranked if (kind := _match_kind(name, label))]
    confident = [candidate for candidate in candidates if candidate.label.confidence >= min_confidence]
    if confident:
        return LabelResult(requested, min(confident, key=lambda found: _MATCH_PRIORITY[found.matched_by]))
    below = [candidate.label for candidate in candidates]
    closest = below + [label for label in ranked if label not in below]
    return LabelResult(requested, None, tuple(closest[:MAX_CLOSEST_LABELS]))


def _match_kind(requested: str, label: Label) -> MatchedBy | None:
    for kind, names in _NAMES_BY_KIND.items():
        if requested in map(normalized, names(label)):
            return kind
    return None
