"""The result of looking for a name or a text among the findings of a scan."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from imagescan.domain.feature import Feature

ANY_MODERATION_LABEL = "*"
"""Asks for any moderation label."""


class Box(NamedTuple):
    """Bounding box: fractions of the image's width and height, confidence in percent."""

    left: float
    top: float
    width: float
    height: float
    confidence: float


class Finding(Protocol):
    """What a scan found: a label, a moderation label or a line of text. Each feature has a type of its own."""

    @property
    def name(self) -> str:
        """Name of the label, or the text."""

    @property
    def confidence(self) -> float:
        """Confidence in percent."""

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Where it is in the image, as far as that is known."""


class MatchedBy(StrEnum):
    """How a finding matches, the closest kind first."""

    NAME = "name"
    ALIAS = "alias"
    PARENT = "parent"
    CATEGORY = "category"
    ANY = "any"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Match:
    """A finding that matches, and how it matches."""

    finding: Finding
    matched_by: MatchedBy


@dataclass(frozen=True, slots=True)
class Result:
    """Result for one name or text that was asked for. Without a match, ``closest`` holds at most 3 labels."""

    asked: str
    match: Match | None
    closest: tuple[Finding, ...] = ()
    feature: Feature = Feature.LABELS

    @property
    def matched(self) -> bool:
        return self.match is not None
