"""AWS Signature Version 4 with the default AWS credentials."""

from collections.abc import Generator

import botocore.auth
import httpx
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from imagescan_cli.errors import AuthError

_SERVICE = "execute-api"


class SigV4Auth(httpx.Auth):
    """Sign requests, including the body. Temporary credentials are refreshed before they expire."""

    requires_request_body = True

    def __init__(self, credentials: Credentials, region: str) -> None:
        self._credentials, self._region = credentials, region

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        signed = AWSRequest(request.method, str(request.url), {}, request.content)
        botocore.auth.SigV4Auth(self._current_credentials(), _SERVICE, self._region).add_auth(signed)
        request.headers.update(dict(signed.headers))
        yield request

    def _current_credentials(self) -> ReadOnlyCredentials:
        try:
            return self._credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise AuthError(f"cannot refresh the AWS credentials: {error}") from error


def load_sigv4_auth(region: str) -> SigV4Auth:
    """Return the authentication for a region, with the credentials that the AWS CLI would use.

    Raise AuthError if there are none.
    """
    try:
        credentials = Session().get_credentials()
    except BotoCoreError as error:
        raise AuthError(f"cannot load the AWS credentials: {error}") from error
    if credentials is None:
        raise AuthError("no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    return SigV4Auth(credentials, region)
