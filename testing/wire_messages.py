"""HTTP requests and responses of the SDK at the transport level."""

import json
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders


class _Raw(BytesIO):
    def stream(self, **_: Any) -> Any:
        yield self.read()


def response(request: AWSPreparedRequest, status: int, body: bytes, **headers: str) -> AWSResponse:
    """Return a response in the form that the SDK reads from the transport."""
    raw: Any = _Raw(body)
    return AWSResponse(request.url, status, HTTPHeaders.from_dict(headers), raw)


def error_response(service: str, request: AWSPreparedRequest, status: int, code: str) -> AWSResponse:
    """Return an error in the format of the protocol of the service."""
    if service == "s3":
        return response(request, status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())
    body = json.dumps({"__type": code, "message": code})
    return response(request, status, body.encode(), **{"x-amzn-ErrorType": code})


def body_bytes(request: AWSPreparedRequest) -> bytes:
    """Return the body of a request without consuming it."""
    body: Any = request.body
    if not hasattr(body, "read"):
        return as_bytes(body)
    content = as_bytes(body.read())
    body.seek(0)
    return content


def as_bytes(value: str | bytes) -> bytes:
    """Encode text as UTF-8. Return bytes unchanged."""
    return value.encode() if isinstance(value, str) else value
