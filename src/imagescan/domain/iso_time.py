"""Timestamps as the API, events and logs show them."""

from datetime import UTC, datetime


def iso_time(seconds: float) -> str:
    """Return seconds since the Unix epoch as ISO 8601 in UTC, rounded to milliseconds like the positions of lists."""
    return datetime.fromtimestamp(round(seconds, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
