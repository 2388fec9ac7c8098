"""Moderation labels, and how a requested one is matched.

The taxonomy has three levels. Source: the Amazon Rekognition developer guide, "Using the image and video moderation
APIs".
"""

from collections.abc import Iterable
from typing import NamedTuple

from imagescan.domain.feature import Feature
from imagescan.domain.labels import normalized
from imagescan.domain.match import ANY_MODERATION_LABEL, Box, Match, MatchedBy, Result


class ModerationLabel(NamedTuple):
    """A moderation label with its confidence in percent, its parents, the top level first, and its level from 1."""

    name: str
    confidence: float
    parents: tuple[str, ...] = ()
    level: int = 1

    @property
    def boxes(self) -> tuple[Box, ...]:
        return ()


def match_moderation(asked: str, labels: Iterable[ModerationLabel], min_confidence: float) -> Result:
    """Look for ``asked`` among the moderation labels with at least ``min_confidence`` percent.

    A label matches by its name or by that of a parent. ``*`` matches every label. A match by name wins, then the higher
    confidence, then the lower level, which is more specific.
    """
    name = normalized(asked)
    ranked = sorted(labels, key=lambda label: (-label.confidence, -label.level, label.name))
    matches = [
        Match(label, kind) for label in ranked if label.confidence >= min_confidence and (kind := _kind(name, label))
    ]
    by_name = (match for match in matches if match.matched_by == MatchedBy.NAME)
    return Result(asked, next(by_name, None) or next(iter(matches), None), feature=Feature.MODERATION)


def _kind(asked: str, label: ModerationLabel) -> MatchedBy | None:
    if asked == ANY_MODERATION_LABEL:
        return MatchedBy.ANY
    if asked == normalized(label.name):
        return MatchedBy.NAME
    return MatchedBy.PARENT if asked in map(normalized, label.parents) else None
