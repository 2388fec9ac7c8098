"""What each function is told by its environment. A name that is missing or malformed is an error that says the name.

The frozen data classes are read once, at a cold start.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class StatusSettings:
    images_table: str
    requests_table: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "StatusSettings":
        return cls(_read(environ, "IMAGES_TABLE", str), _read(environ, "REQUESTS_TABLE", str))


@dataclass(frozen=True, slots=True)
class QuestionsSettings:
    images_table: str
    requests_table: str
    default_label: str
    default_confidence: float

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "QuestionsSettings":
        return cls(
            _read(environ, "IMAGES_TABLE", str),
            _read(environ, "REQUESTS_TABLE", str),
            _read(environ, "DEFAULT_LABEL", str),
            _read(environ, "DEFAULT_CONFIDENCE", float),
        )


@dataclass(frozen=True, slots=True)
class SubmitSettings:
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


@dataclass(frozen=True, slots=True)
class ScannerSettings:
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


@dataclass(frozen=True, slots=True)
class SweeperSettings:
    images_table: str
    requests_table: str
    images_bucket: str
    queue_url: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "SweeperSettings":
        return cls(
            _read(environ, "IMAGES_TABLE", str),
            _read(environ, "REQUESTS_TABLE", str),
            _read(environ, "IMAGES_BUCKET", str),
            _read(environ, "SCAN_QUEUE_URL", str),
        )


@dataclass(frozen=True, slots=True)
class EndedSettings:
    counters_table: str
    event_bus: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "EndedSettings":
        return cls(_read(environ, "COUNTERS_TABLE", str), _read(environ, "EVENT_BUS", str))


@dataclass(frozen=True, slots=True)
class StatsSettings:
    counters_table: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "StatsSettings":
        return cls(_read(environ, "COUNTERS_TABLE", str))
