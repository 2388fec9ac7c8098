"""AWS Signature Version 4, with the credentials that the AWS CLI would use here."""

from collections.abc import Generator

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from imagescan_cli.callers import UnknownCaller

_SERVICE = "execute-api"


class Signature(httpx.Auth):
    """Signs what is sent, body and all; credentials that expire are renewed in time."""

    requires_request_body = True

    def __init__(self, credentials: Credentials, region: str) -> None:
        self._credentials, self._region = credentials, region

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        signed = AWSRequest(request.method, str(request.url), {}, request.content)
        SigV4Auth(self._frozen(), _SERVICE, self._region).add_auth(signed)
        request.headers.update(dict(signed.headers))
        yield request

    def _frozen(self) -> ReadOnlyCredentials:
        try:
            return self._credentials.get_frozen_credentials()
        except BotoCoreError as expired:
            raise UnknownCaller(f"the AWS credentials cannot be renewed: {expired}") from expired


def signature(region: str) -> Signature:
    """Signs for a region. Raises UnknownCaller where there are no credentials."""
    try:
        credentials = Session().get_credentials()
    except BotoCoreError as unusable:
        raise UnknownCaller(f"the AWS credentials cannot be used: {unusable}") from unusable
    if credentials is None:
        raise UnknownCaller("there are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret")
    return Signature(credentials, region)
