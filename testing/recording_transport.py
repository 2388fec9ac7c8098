"""Where the SDK's calls leave the process: they are counted here, and here the caller dies or an answer is lost."""

import json
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from enum import StrEnum
from hashlib import sha256
from http import HTTPStatus
from itertools import repeat
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError
from moto.core.models import botocore_stubber

from testing.wire_messages import as_bytes, body_of, refusal, response


class Killed(BaseException):
    """The process ended: no ``except Exception`` and no answer comes after it."""


class InjectedFault(StrEnum):
    """What can befall one call."""

    DIES_BEFORE = "dies before"
    DIES_AFTER = "dies after"
    RESPONSE_LOST = "loses the answer of"  # it took effect; the SDK knows nothing of it and sends it again if it may


type Answering = Callable[[AWSPreparedRequest], AWSResponse]


class RecordingTransport:
    """``answering`` says who answers for a service that moto does not; ``calls`` are the operations, as they came."""

    def __init__(self, answering: dict[str, Answering]) -> None:
        self.calls: list[str] = []
        self.sent: list[Any] = []
        self._answering = answering
        self._mishaps: dict[int, InjectedFault] = {}
        self._failures: dict[str, Iterator[tuple[int, str]]] = {}
        self._transactions: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._one_at_a_time = threading.Lock()  # as DynamoDB writes an item, and moto does not

    def attach(self, client: Any) -> None:
        """Let every call of this client come through here."""
        client.meta.events.unregister("before-send", botocore_stubber)  # or each call would reach moto twice
        client.meta.events.register("before-send", self._send)

    def reset(self) -> None:
        """Forget what was counted and planned."""
        self.calls.clear()
        self.sent.clear()
        self._mishaps.clear()
        self._failures.clear()

    def plan(self, mishaps: dict[int, InjectedFault]) -> None:
        """Start counting anew; these befall the calls at these positions."""
        self.reset()
        self._mishaps = dict(mishaps)

    def fail(self, operation: str, code: str, status: int = 400, times: int = sys.maxsize) -> None:
        """Answer the next so many calls of this operation, all unless it is said, with this error."""
        self._failures[operation] = repeat((status, code), times)

    def _send(self, event_name: str, request: AWSPreparedRequest, **_more: Any) -> AWSResponse | None:
        _, service, operation = event_name.split(".")
        with self._lock:
            mishap = self._mishaps.get(len(self.calls))
            self.calls.append(operation)
            self.sent.append(request)
        if mishap is InjectedFault.DIES_BEFORE:
            raise Killed
        answer = self.answer(event_name, service, operation, request)
        if mishap is InjectedFault.DIES_AFTER:
            raise Killed
        if mishap is InjectedFault.RESPONSE_LOST:
            raise ReadTimeoutError(endpoint_url=request.url)
        return answer

    def answer(self, event_name: str, service: str, operation: str, request: AWSPreparedRequest) -> AWSResponse | None:
        """What the call is answered by whoever answers for its service."""
        if failure := next(self._failures.get(operation, iter(())), None):
            return refusal(service, request, *failure)
        if operation == "PutObject" and not _has_its_checksum(request):
            return refusal(service, request, 400, "BadDigest")
        if service in self._answering:
            return self._answering[service](request)
        with self._one_at_a_time:
            if operation == "TransactWriteItems":
                return self._once(event_name, request)
            return botocore_stubber(event_name, request)

    def _once(self, event_name: str, request: AWSPreparedRequest) -> AWSResponse | None:
        """Do what a token stands for once, as DynamoDB does for ten minutes; moto does not look at it."""
        token = json.loads(body_of(request))["ClientRequestToken"]
        done = self._transactions.get(token)
        if done and done != body_of(request):
            return refusal("dynamodb", request, 400, "IdempotentParameterMismatchException")
        if done:
            return response(request, 200, b"{}")
        answer = botocore_stubber(event_name, request)
        if answer and answer.status_code == HTTPStatus.OK:
            self._transactions[token] = body_of(request)
        return answer


def _has_its_checksum(request: AWSPreparedRequest) -> bool:
    """Check it as S3 does; moto neither checks it nor keeps it unless the SDK says that it took it itself."""
    declared = request.headers.get("x-amz-checksum-sha256")
    if declared is None:
        return True
    request.headers["x-amz-sdk-checksum-algorithm"] = "SHA256"
    return bool(b64encode(sha256(body_of(request)).digest()) == as_bytes(declared))
