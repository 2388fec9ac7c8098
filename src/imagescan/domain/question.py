"""The question of a request, and the pure function that evaluates it against the findings of an image."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from imagescan.domain.feature import Feature
from imagescan.domain.labels import match_label
from imagescan.domain.match import Result

if TYPE_CHECKING:
    from imagescan.domain.match import Finding


def _match_moderation(asked: str, labels: Any, min_confidence: float) -> Result:
    from imagescan.domain.moderation import match_moderation  # noqa: PLC0415 - most questions ask for labels only

    return match_moderation(asked, labels, min_confidence)


def _match_text(asked: str, lines: Any, min_confidence: float) -> Result:
    from imagescan.domain.text import match_text  # noqa: PLC0415 - most questions ask for labels only

    return match_text(asked, lines, min_confidence)


MATCHERS: Mapping[Feature, Callable[[str, Any, float], Result]] = {
    Feature.LABELS: match_label,
    Feature.MODERATION: _match_moderation,
    Feature.TEXT: _match_text,
}
"""How each feature looks for what was asked among its findings, with a minimum confidence in percent."""


class MatchMode(StrEnum):
    """How the results are combined: any, all or none of them must match."""

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
    """The requested labels, the minimum confidence in percent, how to combine results, and other questions.

    ``others`` holds what is asked of further features. A feature with an empty tuple is scanned without a question.
    """

    labels: tuple[str, ...]
    min_confidence: float
    mode: MatchMode = MatchMode.ANY
    others: tuple[tuple[Feature, tuple[str, ...]], ...] = ()

    @property
    def asked(self) -> dict[Feature, tuple[str, ...]]:
        """What is asked of each feature that the answer needs, in the order of the results."""
        asked = dict(self.others) | ({Feature.LABELS: self.labels} if self.labels else {})
        return {feature: asked[feature] for feature in Feature if feature in asked}

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features that the answer needs."""
        return tuple(self.asked)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a question, with one result for each thing that was asked, in the order of the question.

    ``matched`` is None if nothing was asked.
    """

    matched: bool | None
    results: tuple[Result, ...]


def evaluate(question: Question, findings: "Mapping[Feature, tuple[Finding, ...]]") -> Verdict:
    """Return the verdict on ``question`` for an image with these findings."""
    results = tuple(
        result
        for feature, asked in question.asked.items()
        for result in map(partial(_match, feature, findings, question.min_confidence), asked)
    )
    matched = _MODE_PREDICATES[question.mode](result.matched for result in results) if results else None
    return Verdict(matched, results)


def _match(
    feature: Feature, findings: "Mapping[Feature, tuple[Finding, ...]]", min_confidence: float, asked: str
) -> Result:
    return MATCHERS[feature](asked, findings[feature], min_confidence)
