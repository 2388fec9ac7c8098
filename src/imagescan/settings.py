"""What each function is told by its environment. A name that is missing or malformed is an error that says the name.

They are read once, at a cold start, of which a data class would take five times as much as a named tuple.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

MAX_ATTEMPTS = 5
"""Paid calls that one image may cost at the very most, whatever breaks."""

SCANNER_TIMEOUT_SECONDS = 60
"""The scanner's time-out in template.yaml; a test compares them."""

LEASE_SECONDS = SCANNER_TIMEOUT_SECONDS + 30
"""How long one delivery may have an image to itself: longer than it can live, shorter than the queue's visibility."""


class MissingSetting(Exception):
    """The environment lacks a name that the function needs, or gives it a value that cannot be read."""


class TablesSettings(NamedTuple):
    images_table: str
    requests_table: str


class QuestionsSettings(NamedTuple):
    default_label: str
    default_confidence: float


class SubmitSettings(NamedTuple):
    images_table: str
    requests_table: str
    images_bucket: str
    default_label: str
    default_confidence: float
    deadline_minutes: float
    retention_days: int

    @property
    def deadline_seconds(self) -> float:
        return self.deadline_minutes * 60

    @property
    def retention_seconds(self) -> int:
        return self.retention_days * 86_400


class ScannerSettings(NamedTuple):
    """``max_calls_per_day`` is the most that Rekognition may be asked in a day; nought is no limit."""

    images_table: str
    requests_table: str
    counters_table: str
    images_bucket: str
    scan_queue_url: str
    max_calls_per_day: int


class SweeperSettings(NamedTuple):
    images_bucket: str
    scan_queue_url: str


class EndedSettings(NamedTuple):
    counters_table: str
    event_bus: str


class StatsSettings(NamedTuple):
    counters_table: str


def from_env[S: NamedTuple](kind: type[S], environ: Mapping[str, str]) -> S:
    """Settings of this kind, each from the variable that has its name in capitals. Raises MissingSetting."""
    return kind._make(_value(environ, name.upper(), convert) for name, convert in kind.__annotations__.items())


def _value(environ: Mapping[str, str], name: str, convert: Callable[[str], object]) -> object:
    try:
        return convert(environ[name])
    except KeyError:
        raise MissingSetting(f"The environment variable {name} is missing; template.yaml sets it.") from None
    except ValueError:
        raise MissingSetting(f"The environment variable {name} is {environ[name]!r}, not a number.") from None
