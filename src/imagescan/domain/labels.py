"""The labels that a scan returns, and how label names are compared."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

LOWEST_CONFIDENCE = 25.0
"""Labels are requested from Rekognition and stored from this percentage, so that later questions need no new scan."""


@dataclass(frozen=True, slots=True)
class Box:
    """Bounding box of one instance of a label: fractions of the image's width and height, confidence in percent."""

    left: float
    top: float
    width: float
    height: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Label:
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
    """Return the form in which names are compared: case-folded, trimmed, inner whitespace collapsed."""
    return " ".join(name.split()).casefold()
