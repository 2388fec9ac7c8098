"""Records the AWS calls of the SDK at the transport level and injects faults into them."""

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

from testing.wire_messages import as_bytes, body_bytes, error_response, response


class Killed(BaseException):
    """Simulates the death of the process. ``except Exception`` does not catch it."""


class InjectedFault(StrEnum):
    """Fault of one call."""

    KILL_BEFORE = "kill before"
    KILL_AFTER = "kill after"
    RESPONSE_LOST = "lose the response of"  # the call took effect; the SDK retries it if it is configured to


type Responder = Callable[[AWSPreparedRequest], AWSResponse]


class RecordingTransport:
    """``responders`` respond for services that moto does not support. All other calls go to moto.

    ``calls`` are the names of the called operations in order, and ``requests`` their HTTP requests.
    """

    def __init__(self, responders: dict[str, Responder]) -> None:
        self.calls: list[str] = []
        self.requests: list[Any] = []
        self._responders = responders
        self._faults: dict[int | str, InjectedFault] = {}
        self._failures: dict[str, Iterator[tuple[int, str]]] = {}
        self._transactions: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()  # DynamoDB serializes the writes of an item, moto does not

    def attach(self, client: Any) -> None:
        """Route all calls of this client through the transport."""
        client.meta.events.unregister("before-send", botocore_stubber)  # otherwise each call would reach moto twice
        client.meta.events.register("before-send", self._send)

    def reset(self) -> None:
        """Discard all recorded calls and planned faults."""
        self.calls.clear()
        self.requests.clear()
        self._faults.clear()
        self._failures.clear()

    def inject(self, faults: dict[int, InjectedFault]) -> None:
        """Reset, and inject these faults by the position of the call."""
        self.reset()
        self._faults.update(faults.items())

    def inject_into(self, operation: str, fault: InjectedFault) -> None:
        """Reset, and inject this fault into each call of an operation."""
        self.reset()
        self._faults[operation] = fault

    def fail(self, operation: str, code: str, status: int = 400, times: int = sys.maxsize) -> None:
        """Return this error for the next calls of an operation (default: for all of them)."""
        self._failures[operation] = repeat((status, code), times)

    def _send(self, event_name: str, request: AWSPreparedRequest, **_more: Any) -> AWSResponse | None:
        _, service, operation = event_name.split(".")
        with self._lock:
            fault = self._faults.get(len(self.calls), self._faults.get(operation))
            self.calls.append(operation)
            self.requests.append(request)
        if fault is InjectedFault.KILL_BEFORE:
            raise Killed
        result = self.respond(event_name, service, operation, request)
        if fault is InjectedFault.KILL_AFTER:
            raise Killed
        if fault is InjectedFault.RESPONSE_LOST:
            raise ReadTimeoutError(endpoint_url=request.url)
        return result

    def respond(self, event_name: str, service: str, operation: str, request: AWSPreparedRequest) -> AWSResponse | None:
        """Return the response of moto or of the responder of the service."""
        if failure := next(self._failures.get(operation, iter(())), None):
            return error_response(service, request, *failure)
        if operation == "PutObject" and not _has_valid_checksum(request):
            return error_response(service, request, 400, "BadDigest")
        if service in self._responders:
            return self._responders[service](request)
        with self._write_lock:
            if operation == "TransactWriteItems":
                return self.execute_once(event_name, request)
            return botocore_stubber(event_name, request)

    def execute_once(self, event_name: str, request: AWSPreparedRequest) -> AWSResponse | None:
        """Execute a transaction once per client request token, as DynamoDB does. moto ignores the token."""
        token = json.loads(body_bytes(request))["ClientRequestToken"]
        done = self._transactions.get(token)
        if done and done != body_bytes(request):
            return error_response("dynamodb", request, 400, "IdempotentParameterMismatchException")
        if done:
            return response(request, 200, b"{}")
        result = botocore_stubber(event_name, request)
        if result and result.status_code == HTTPStatus.OK:
            self._transactions[token] = body_bytes(request)
        return result


def _has_valid_checksum(request: AWSPreparedRequest) -> bool:
    """Return whether the checksum is valid, as S3 checks it.

    moto does not check it, and stores it only if a header names the algorithm.
    """
    declared = request.headers.get("x-amz-checksum-sha256")
    if declared is None:
        return True
    request.headers["x-amz-sdk-checksum-algorithm"] = "SHA256"
    return bool(b64encode(sha256(body_bytes(request)).digest()) == as_bytes(declared))
