"""What the SDK sends and reads, as it is on the transport."""

import json
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders


class _Raw(BytesIO):
    def stream(self, **_: Any) -> Any:
        yield self.read()


def response(request: AWSPreparedRequest, status: int, body: bytes, **headers: str) -> AWSResponse:
    """What the SDK reads from the transport."""
    raw: Any = _Raw(body)
    return AWSResponse(request.url, status, HTTPHeaders.from_dict(headers), raw)


def refusal(service: str, request: AWSPreparedRequest, status: int, code: str) -> AWSResponse:
    """An error in the form of its service's protocol."""
    if service == "s3":
        return response(request, status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())
    body = json.dumps({"__type": code, "message": code})
    return response(request, status, body.encode(), **{"x-amzn-ErrorType": code})


def body_of(request: AWSPreparedRequest) -> bytes:
    """The bytes that were sent."""
    body: Any = request.body
    if not hasattr(body, "read"):
        return as_bytes(body)
    content = as_bytes(body.read())
    body.seek(0)
    return content


def as_bytes(value: str | bytes) -> bytes:
    """The bytes of either."""
    return value.encode() if isinstance(value, str) else value
