"""Who calls: what a request to the API carries where the service wants to know its callers."""

import re
from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

import httpx

_HOST_OF_THE_API = re.compile(r"[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com")


class Auth(StrEnum):
    """How the service knows its callers."""

    NONE = "none"
    IAM = "iam"
    BEARER = "token"


class UnknownCaller(Exception):
    """Nothing says who calls; the text tells what to do."""


class Token(httpx.Auth):
    """Sends the ID token of somebody who signed in to the user pool."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        request.headers["Authorization"] = self._token
        yield request


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and how they show it: by a token wherever there is one, unless told otherwise.

    ``region`` is the one that signatures are for; None reads it from the API's address.
    """

    auth: Auth | None = None
    token: str | None = None
    region: str | None = None

    def at(self, api: str) -> httpx.Auth | None:
        """What calls to the API at an address are sent with. Raises UnknownCaller when something is missing for it."""
        if self.auth is Auth.IAM:
            return _signing(self.region or _region_in(api))
        if self.auth is Auth.BEARER or (self.auth is None and self.token):
            return _with_token(self.token)
        return None


def _with_token(token: str | None) -> Token:
    if not token:
        raise UnknownCaller("no token: set IMAGESCAN_TOKEN to the ID token of a user who signed in")
    return Token(token)


def _signing(region: str) -> httpx.Auth:
    try:
        # Most callers sign nothing and are spared botocore.
        from imagescan_cli.signature import signature  # noqa: PLC0415
    except ImportError as missing:
        raise UnknownCaller(f"signing takes {missing.name}: install imagescan-cli[aws]") from missing
    return signature(region)


def _region_in(api: str) -> str:
    named = _HOST_OF_THE_API.fullmatch(urlsplit(api).hostname or "")
    if named is None:
        raise UnknownCaller(f"{api} does not name its region: pass --region")
    return named[1]
