"""What the findings of all features have in common.

Import it for the type checker only: a protocol takes long to create in a cold start.
"""

from typing import Protocol

from imagescan.domain.match import Box


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
