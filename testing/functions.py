"""The functions as AWS runs them: each handler in its own environment, and the queue that feeds the scanner."""

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
    """Stands where a handler has the module ``time``."""

    def __init__(self, now: float) -> None:
        self.now = now

    def time(self) -> float:
        """Seconds since the Unix epoch."""
        return self.now


@dataclass
class Context:
    """A Lambda context, as far as the handlers look at it."""

    seconds: float = 60.0

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


class Functions:
    """Calls the handlers that the template names; ``accepted`` are the ids of the requests they took.

    ``overrides`` come before what the template sets in their environment.
    """

    def __init__(self, clock: Clock, overrides: dict[str, str]) -> None:
        self.clock = clock
        self.overrides = overrides
        self.accepted: list[str] = []

    def invoke(self, function: str, event: dict[str, Any], seconds: float = 60.0) -> dict[str, Any]:
        """What the function returns when it has that many seconds left."""
        with self.running(function) as handler:
            return handler(event, Context(seconds))

    @contextmanager
    def running(self, function: str) -> Iterator[Handler]:
        """The function's handler in its environment, for one call or for several at once."""
        module = module_of(function)
        region = {"AWS_DEFAULT_REGION": os.environ["AWS_DEFAULT_REGION"]}
        environment = {**TEMPLATE.environment(function), **region, **self.overrides}
        with patch.dict(os.environ, environment), patch.object(module, "time", self.clock, create=True):
            yield module.lambda_handler

    def post(self, body: dict[str, Any] | str | None, **event: Any) -> "Answer":
        """POST /scanrequest through the proxy integration."""
        text = json.dumps(body) if isinstance(body, dict) else body
        answer = Answer(self.invoke("SubmitFunction", proxy_event("POST", text) | event))
        if answer.status in (200, 202):
            self.accepted.append(answer.body["request_id"])
        return answer

    def submit(self, picture: bytes, label: str = "cat") -> "Answer":
        """POST a PNG with its question."""
        return self.post({"file": b64encode(picture).decode(), "fileType": "image/png", "label": label})

    def get(self, request_id: str, query: dict[str, str] | None = None) -> "Answer":
        """GET /scanrequest/{request_id} through the proxy integration."""
        event = proxy_event("GET") | {"pathParameters": {"request_id": request_id}, "queryStringParameters": query}
        return Answer(self.invoke("StatusFunction", event))

    def delete(self, request_id: str) -> "Answer":
        """DELETE /scanrequest/{request_id} through the proxy integration."""
        event = proxy_event("DELETE") | {"pathParameters": {"request_id": request_id}}
        return Answer(self.invoke("DeleteFunction", event))

    def scan(self, *messages: dict[str, Any], seconds: float = 60.0) -> set[str]:
        """Hands the scanner a batch of messages as SQS gives them; the ids of those it gives back."""
        failures = self.invoke("ScannerFunction", batch_event(*messages), seconds)["batchItemFailures"]
        return {failure["itemIdentifier"] for failure in failures}

    def sweep(self, seconds: float = 110.0) -> dict[str, Any]:
        """One run of the schedule."""
        return self.invoke("SweeperFunction", {"source": "aws.events"}, seconds)


def module_of(function: str) -> Any:
    """The module that holds the function's handler."""
    return importlib.import_module(TEMPLATE.handler(function).rpartition(".")[0])


@dataclass(frozen=True)
class Answer:
    """What API Gateway is handed."""

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
    """An event of API Gateway's proxy integration, as far as the handlers look at it."""
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
    """The event source mapping: receives, invokes, and deletes what the scanner did not give back."""

    def __init__(self, sqs: Any, functions: Functions) -> None:
        self._sqs = sqs
        self._functions = functions
        self._in_flight: dict[str, str] = {}

    def receive(self) -> list[dict[str, Any]]:
        """Up to a batch of messages, now in flight."""
        received: list[dict[str, Any]] = self._sqs.receive_message(
            QueueUrl=QUEUE_URL, MaxNumberOfMessages=BATCH_SIZE, AttributeNames=["All"], WaitTimeSeconds=0
        ).get("Messages", [])
        self._in_flight |= {message["MessageId"]: message["ReceiptHandle"] for message in received}
        return received

    def deliver(self) -> int:
        """One batch to the scanner; how many messages it had. A scanner that dies deletes none."""
        batch = self.receive()
        if batch:
            given_back = self._functions.scan(*batch)
            for message in batch:
                if message["MessageId"] not in given_back:
                    self._sqs.delete_message(QueueUrl=QUEUE_URL, ReceiptHandle=message["ReceiptHandle"])
                    del self._in_flight[message["MessageId"]]
        return len(batch)

    def deliver_all(self) -> None:
        """Batches until nothing is visible."""
        while self.deliver():
            pass

    def end_visibility_timeouts(self) -> None:
        """Everything in flight can be received again."""
        errors = self._sqs.exceptions
        for receipt in self._in_flight.values():
            with suppress(errors.MessageNotInflight, errors.ReceiptHandleIsInvalid):  # it is visible, or a dead letter
                self._sqs.change_message_visibility(QueueUrl=QUEUE_URL, ReceiptHandle=receipt, VisibilityTimeout=0)


def picture(shade: int = 0) -> bytes:
    """A PNG of the smallest good size; each shade is another image."""
    return png(80, 80, shade=shade)


def batch_event(*messages: dict[str, Any]) -> dict[str, Any]:
    """The scanner's event of messages as SQS gives them."""
    return {"Records": [_record(message) for message in messages]}


def _record(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "eventSource": "aws:sqs",
    }
