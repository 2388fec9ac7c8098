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


def _read[T](environ: Mapping[str, str], name: str, convert: Callable[[str], T]) -> T:
    try:
        return convert(environ[name])
    except KeyError:
        raise MissingSetting(f"The environment variable {name} is missing; template.yaml sets it.") from None
    except ValueError:
        raise MissingSetting(f"The environment variable {name} is {environ[name]!r}, not a number.") from None


class TablesSettings(NamedTuple):
    images_table: str
    requests_table: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "TablesSettings":
        return cls(_read(environ, "IMAGES_TABLE", str), _read(environ, "REQUESTS_TABLE", str))


class QuestionsSettings(NamedTuple):
    default_label: str
    default_confidence: float

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "QuestionsSettings":
        return cls(
            _read(environ, "DEFAULT_LABEL", str),
            _read(environ, "DEFAULT_CONFIDENCE", float),
        )


class SubmitSettings(NamedTuple):
    images_table: str
    requests_table: str
    images_bucket: str
    default_label: str
    default_confidence: float
    deadline_seconds: float
    retention_seconds: int

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "SubmitSettings":
        return cls(
            _read(environ, "IMAGES_TABLE", str),
            _read(environ, "REQUESTS_TABLE", str),
            _read(environ, "IMAGES_BUCKET", str),
            _read(environ, "DEFAULT_LABEL", str),
            _read(environ, "DEFAULT_CONFIDENCE", float),
            _read(environ, "DEADLINE_MINUTES", float) * 60,
            _read(environ, "RETENTION_DAYS", int) * 86_400,
        )


class ScannerSettings(NamedTuple):
    """``max_calls_per_day`` is the most that Rekognition may be asked in a day; nought is no limit."""

    images_table: str
    requests_table: str
    counters_table: str
    images_bucket: str
    queue_url: str
    max_calls_per_day: int

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "ScannerSettings":
        return cls(
            _read(environ, "IMAGES_TABLE", str),
            _read(environ, "REQUESTS_TABLE", str),
            _read(environ, "COUNTERS_TABLE", str),
            _read(environ, "IMAGES_BUCKET", str),
            _read(environ, "SCAN_QUEUE_URL", str),
            _read(environ, "MAX_CALLS_PER_DAY", int),
        )


class SweeperSettings(NamedTuple):
    images_bucket: str
    queue_url: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "SweeperSettings":
        return cls(
            _read(environ, "IMAGES_BUCKET", str),
            _read(environ, "SCAN_QUEUE_URL", str),
        )


class EndedSettings(NamedTuple):
    counters_table: str
    event_bus: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "EndedSettings":
        return cls(_read(environ, "COUNTERS_TABLE", str), _read(environ, "EVENT_BUS", str))


class StatsSettings(NamedTuple):
    counters_table: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "StatsSettings":
        return cls(_read(environ, "COUNTERS_TABLE", str))
