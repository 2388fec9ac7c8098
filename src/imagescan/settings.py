"""Settings that each function reads from its environment. A missing or malformed variable is an error that names it.

Settings are named tuples because a data class takes five times as long to create in a cold start.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

_DAY_SECONDS = 86_400


class MissingSetting(Exception):
    """An environment variable is missing or cannot be parsed."""


class TableSettings(NamedTuple):
    """``retention_days`` is the number of days for which requests and bytes are kept."""

    images_table: str
    requests_table: str
    retention_days: int

    @property
    def retention_seconds(self) -> int:
        return self.retention_days * _DAY_SECONDS


class FollowUpSettings(NamedTuple):
    default_label: str
    default_confidence: float


class SubmitSettings(NamedTuple):
    """``daily_limit_per_caller`` is the maximum number of submissions per caller and day (UTC). 0 means no limit."""

    images_table: str
    requests_table: str
    images_bucket: str
    default_label: str
    default_confidence: float
    request_timeout_minutes: float
    retention_days: int
    counters_table: str
    daily_limit_per_caller: int

    @property
    def timeout_seconds(self) -> float:
        return self.request_timeout_minutes * 60

    @property
    def retention_seconds(self) -> int:
        return self.retention_days * _DAY_SECONDS


class WaitSettings(NamedTuple):
    """``max_wait_seconds`` limits how long a response is held until its request has finished. 0 disables it."""

    max_wait_seconds: int


class ScannerSettings(NamedTuple):
    """``daily_rekognition_limit`` is the maximum number of Rekognition calls per day (UTC). 0 means no limit."""

    images_table: str
    requests_table: str
    counters_table: str
    images_bucket: str
    scan_queue_url: str
    daily_rekognition_limit: int
    retention_days: int

    @property
    def retention_seconds(self) -> int:
        return self.retention_days * _DAY_SECONDS


class SweeperSettings(NamedTuple):
    counters_table: str
    scan_queue_url: str


class PurgerSettings(NamedTuple):
    images_bucket: str


class EventPublisherSettings(NamedTuple):
    counters_table: str
    event_bus: str


class StatsSettings(NamedTuple):
    counters_table: str


def from_env[S: NamedTuple](kind: type[S], environ: Mapping[str, str]) -> S:
    """Read settings of this kind, each from the variable with its name in upper case. Raise MissingSetting."""
    return kind._make(_value(environ, name.upper(), convert) for name, convert in kind.__annotations__.items())


def _value(environ: Mapping[str, str], name: str, convert: Callable[[str], object]) -> object:
    try:
        return convert(environ[name])
    except KeyError:
        raise MissingSetting(f"Environment variable {name} is not set (see template.yaml).") from None
    except ValueError:
        raise MissingSetting(f"Environment variable {name} is {environ[name]!r}, which is not a number.") from None
