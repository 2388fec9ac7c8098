"""Authentication of API requests."""

import re
from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

import httpx

from imagescan_cli.errors import AuthError

_API_GATEWAY_HOST = re.compile(r"[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com")


class Auth(StrEnum):
    """Authentication methods."""

    NONE = "none"
    IAM = "iam"
    ID_TOKEN = "token"  # noqa: S105 # nosec B105 - the name of the method


class IdTokenAuth(httpx.Auth):
    """Send a Cognito ID token. API Gateway expects it without a scheme such as ``Bearer``."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        request.headers["Authorization"] = self._token
        yield request


@dataclass(frozen=True, slots=True)
class AuthConfig:
    """Authentication settings.

    ``auth`` None means: the token if there is one, else no authentication. ``region`` is the AWS Region to sign for;
    None takes it from the API URL.
    """

    auth: Auth | None = None
    token: str | None = None
    region: str | None = None

    def for_api(self, api_url: str) -> httpx.Auth | None:
        """Return the authentication for an API URL. Raise AuthError if credentials or the region are missing."""
        if self.auth is Auth.IAM:
            return _sigv4(self.region or _region_from_url(api_url))
        if self.auth is Auth.ID_TOKEN or (self.auth is None and self.token):
            return _id_token(self.token)
        return None


def _id_token(token: str | None) -> IdTokenAuth:
    if not token:
        raise AuthError("no token: set IMAGESCAN_TOKEN to a Cognito ID token")
    return IdTokenAuth(token)


def _sigv4(region: str) -> httpx.Auth:
    try:
        # Imported on demand, because botocore is optional.
        from imagescan_cli.sigv4 import load_sigv4_auth  # noqa: PLC0415
    except ImportError as error:
        raise AuthError("IAM signing requires botocore: install './cli[aws]' instead of './cli'") from error
    return load_sigv4_auth(region)


def _region_from_url(api_url: str) -> str:
    host = _API_GATEWAY_HOST.fullmatch(urlsplit(api_url).hostname or "")
    if host is None:
        raise AuthError(f"cannot determine the AWS Region from {api_url}: pass --region")
    return host[1]
