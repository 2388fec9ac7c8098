"""Runs the functions as AWS does: each handler in its own environment, and the scanner behind its queue."""

import importlib
import json
import os
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from testing.images import png
from testing.resources import QUEUE_URL, TEMPLATE

FUNCTIONS = TEMPLATE.functions
BATCH_SIZE: int = TEMPLATE.properties("ScannerFunction")["Events"]["Uploads"]["Properties"]["BatchSize"]

type Handler = Callable[[dict[str, Any], Context], dict[str, Any]]


class Clock:
    """Replaces the module ``time`` in a handler."""

    def __init__(self, now: float) -> None:
        self.now = now

    def time(self) -> float:
        """Return the seconds since the Unix epoch."""
        return self.now


@dataclass
class Context:
    """The part of a Lambda context that the handlers use."""

    seconds: float = 60.0

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


class Functions:
    """Invokes the handlers of the template.

    ``accepted`` lists the IDs of the accepted requests. ``overrides`` replace environment variables of the template.
    """

    def __init__(self, clock: Clock, overrides: dict[str, str]) -> None:
        self.clock = clock
        self.overrides = overrides
        self.accepted: list[str] = []

    def invoke(self, function: str, event: dict[str, Any], seconds: float = 60.0) -> dict[str, Any]:
        """Invoke a function that has this many seconds left, and return its result."""
        with self.running(function) as handler:
            return handler(event, Context(seconds))

    @contextmanager
    def running(self, function: str) -> Iterator[Handler]:
        """Provide the handler of a function in its environment, for one or for several invocations."""
        module = handler_module(function)
        region = {"AWS_DEFAULT_REGION": os.environ["AWS_DEFAULT_REGION"]}
        environment = {**TEMPLATE.environment(function), **region, **self.overrides}
        with patch.dict(os.environ, environment), patch.object(module, "time", self.clock, create=True):
            yield module.lambda_handler

    def post(self, body: dict[str, Any] | str | None, **event: Any) -> "ApiResponse":
        """Send POST /scanrequest through the proxy integration."""
        text = json.dumps(body) if isinstance(body, dict) else body
        response = ApiResponse(self.invoke("SubmitFunction", proxy_event("POST", text) | event))
        if response.status in (200, 202):
            self.accepted.append(response.body["request_id"])
        return response

    def submit(self, image: bytes, label: str = "cat") -> "ApiResponse":
        """Post a PNG with a label to look for."""
        return self.post({"file": b64encode(image).decode(), "fileType": "image/png", "label": label})

    def get(self, request_id: str, query: dict[str, str] | None = None, **event: Any) -> "ApiResponse":
        """Send GET /scanrequest/{request_id} through the proxy integration."""
        of_request = {"pathParameters": {"request_id": request_id}, "queryStringParameters": query}
        return ApiResponse(self.invoke("StatusFunction", proxy_event("GET") | of_request | event))

    def delete(self, request_id: str) -> "ApiResponse":
        """Send DELETE /scanrequest/{request_id} through the proxy integration."""
        event = proxy_event("DELETE") | {"pathParameters": {"request_id": request_id}}
        return ApiResponse(self.invoke("DeleteFunction", event))

    def scan(self, *messages: dict[str, Any], seconds: float = 60.0) -> set[str]:
        """Invoke the scanner with messages in the format of SQS. Return the IDs of the messages to retry."""
        failures = self.invoke("ScannerFunction", batch_event(*messages), seconds)["batchItemFailures"]
        return {failure["itemIdentifier"] for failure in failures}

    def sweep(self, seconds: float = 110.0) -> dict[str, Any]:
        """Run the sweeper once and return its report."""
        return self.invoke("SweeperFunction", {"source": "aws.events"}, seconds)

    def purge(self, seconds: float = 110.0) -> dict[str, Any]:
        """Run the purger once and return its report."""
        return self.invoke("PurgerFunction", {"source": "aws.events"}, seconds)


def handler_module(function: str) -> Any:
    """Return the module that contains the handler of a function."""
    return importlib.import_module(TEMPLATE.handler(function).rpartition(".")[0])


@dataclass(frozen=True)
class ApiResponse:
    """Response of a function to API Gateway."""

    raw: dict[str, Any]

    @property
    def status(self) -> int:
        return int(self.raw["statusCode"])

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.raw["headers"])

    @property
    def body(self) -> Any:
        return json.loads(self.raw["body"])


def proxy_event(method: str, body: str | None = None) -> dict[str, Any]:
    """Return the part of a proxy integration event that the handlers use."""
    return {
        "httpMethod": method,
        "resource": "/scanrequest",
        "body": body,
        "isBase64Encoded": False,
        "queryStringParameters": None,
        "pathParameters": None,
        "requestContext": {"requestId": "a-request"},
    }


class Trigger:
    """The event source mapping of the scan queue. It invokes the scanner and deletes the messages that succeed."""

    def __init__(self, sqs: Any, functions: Functions) -> None:
        self._sqs = sqs
        self._functions = functions
        self._in_flight: dict[str, str] = {}

    def receive(self) -> list[dict[str, Any]]:
        """Receive at most one batch of messages. They are in flight afterwards."""
        received: list[dict[str, Any]] = self._sqs.receive_message(
            QueueUrl=QUEUE_URL, MaxNumberOfMessages=BATCH_SIZE, AttributeNames=["All"], WaitTimeSeconds=0
        ).get("Messages", [])
        self._in_flight |= {message["MessageId"]: message["ReceiptHandle"] for message in received}
        return received

    def deliver(self) -> int:
        """Deliver one batch to the scanner and return its number of messages. If the scanner fails, none is deleted."""
        batch = self.receive()
        if batch:
            to_retry = self._functions.scan(*batch)
            for message in batch:
                if message["MessageId"] not in to_retry:
                    self._sqs.delete_message(QueueUrl=QUEUE_URL, ReceiptHandle=message["ReceiptHandle"])
                    del self._in_flight[message["MessageId"]]
        return len(batch)

    def deliver_all(self) -> None:
        """Deliver batches until no message is visible."""
        while self.deliver():
            pass

    def expire_visibility_timeouts(self) -> None:
        """Make all messages in flight visible again."""
        errors = self._sqs.exceptions
        for receipt in self._in_flight.values():
            with suppress(
                errors.MessageNotInflight, errors.ReceiptHandleIsInvalid
            ):  # already visible, or moved to the dead-letter queue
                self._sqs.change_message_visibility(QueueUrl=QUEUE_URL, ReceiptHandle=receipt, VisibilityTimeout=0)


def image_bytes(shade: int = 0) -> bytes:
    """Return a PNG of the smallest accepted size. Each shade has a content of its own."""
    return png(80, 80, shade=shade, pixels=True)


def batch_event(*messages: dict[str, Any]) -> dict[str, Any]:
    """Return a scanner event with messages in the format of SQS."""
    return {"Records": [_record(message) for message in messages]}


def _record(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "eventSource": "aws:sqs",
    }
