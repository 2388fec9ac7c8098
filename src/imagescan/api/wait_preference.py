"""The preference ``wait`` of RFC 7240: hold the response until the request has finished."""

import os
import re
from functools import cache

from imagescan.api import http
from imagescan.api.http import Event
from imagescan.settings import WaitSettings, from_env

_PREFERENCE = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')  # commas separate preferences, but not in quoted strings
_WAIT = re.compile(r'\s*wait\s*=\s*("?)([0-9]+)\1\s*(?:;.*)?', re.IGNORECASE)
_MAX_DIGITS = 9  # longer numbers are truncated, and still exceed every limit

settings = cache(lambda: from_env(WaitSettings, os.environ))


def wait_seconds(event: Event) -> int:
    """Return how long the response may be held: what the client prefers, limited by the setting.

    0 means not to wait: the client has no preference, its value is invalid, or waiting is disabled.
    """
    maximum = settings().max_wait_seconds
    if maximum == 0:
        return 0
    preferences = _PREFERENCE.findall(",".join(http.header_values(event, "Prefer")))
    first = next((each for each in preferences if _name(each) == "wait"), "")  # later ones do not count (RFC 7240)
    wait = _WAIT.fullmatch(first)
    return min(int(wait[2].lstrip("0")[:_MAX_DIGITS] or 0), maximum) if wait else 0


def _name(preference: str) -> str:
    return preference.partition(";")[0].partition("=")[0].strip().lower()


def applied(seconds: int) -> dict[str, str]:
    """Return the header that confirms the preference. It contains the seconds after limiting."""
    return {"Preference-Applied": f"wait={seconds}"} if seconds else {}
