"""Events for subscribers, the webhook and the statistics, on the deployed stack."""

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from local.client import Client, question
from local.control import RekognitionControl
from local.stack import Stack
from ops.redrive.__main__ import DeployedStack
from ops.redrive.redrive import redrive
from testing.deployment import Deployment
from testing.image_variants import with_comment
from testing.images import png
from tests.e2e.stack_admin import eventually
from tools.env import REGION

type Event = dict[str, Any]

RULE, WEBHOOK, API_KEY = "subscriber", "webhook", "a key with 16 or more characters"
STABLE_READS = 5


def bus_name(stack: Stack) -> str:
    return stack.outputs()["EventBus"]


class Subscriber:
    """A queue with a rule on the event bus, as in docs/events.md."""

    def __init__(self, stack: Stack) -> None:
        self._sqs, self._events, self._bus = stack.client("sqs"), stack.client("events"), bus_name(stack)
        self._queue = self._sqs.create_queue(QueueName=RULE)["QueueUrl"]
        pattern = json.dumps({"source": ["imagescan"]})
        target = {"Id": RULE, "Arn": f"arn:aws:sqs:{REGION}:000000000000:{RULE}"}
        self._events.put_rule(Name=RULE, EventBusName=self._bus, EventPattern=pattern)
        self._events.put_targets(Rule=RULE, EventBusName=self._bus, Targets=[target])

    def receive(self, count: int, seconds: float = 60) -> list[Event]:
        """Receive this many events, or as many as arrive in time, and all events of the next two seconds."""
        end, events = time.monotonic() + seconds, self._receive(0)
        while len(events) < count and time.monotonic() < end:
            events += self._receive(2)
        return events + self._receive(2)

    def remove(self) -> None:
        """Delete the queue and the rule."""
        self._events.remove_targets(Rule=RULE, EventBusName=self._bus, Ids=[RULE])
        self._events.delete_rule(Name=RULE, EventBusName=self._bus)
        self._sqs.delete_queue(QueueUrl=self._queue)

    def _receive(self, wait: int) -> list[Event]:
        received = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=wait)
        for message in received.get("Messages", []):
            self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in received.get("Messages", [])]


@pytest.fixture
def subscriber(stack: Stack) -> Iterator[Subscriber]:
    """Provide a subscriber that receives only events of this test: it starts when the statistics are stable."""
    stable_stats(stack)
    subscriber = Subscriber(stack)
    yield subscriber
    subscriber.remove()


def stats(stack: Stack) -> dict[str, int]:
    body: dict[str, Any] = httpx.get(f"{stack.api_url}/stats", timeout=60).raise_for_status().json()
    counters = {name: value for name, value in body.items() if isinstance(value, int)}
    return counters | {f"avoided by {reason}": value for reason, value in body["scans_avoided_by"].items()}


def stable_stats(stack: Stack) -> dict[str, int]:
    """Return the statistics after several equal reads. Together they take longer than a cold start."""
    seen = [stats(stack)]

    def is_stable() -> bool:
        seen.append(stats(stack))
        return len(seen) > STABLE_READS and all(each == seen[-1] for each in seen[-STABLE_READS:])

    eventually(is_stable)
    return seen[-1]


@pytest.fixture
def undecodable(tmp_path: Path) -> Path:
    """Return a new image that has a valid header but cannot be decoded."""
    image = tmp_path / "undecodable.png"
    image.write_bytes(png(200, 200, shade=uuid.uuid4().int))
    return image


def test_a_subscriber_receives_one_event_per_finished_request(
    api: Client, subscriber: Subscriber, fresh_image: Path, undecodable: Path
) -> None:
    scanned = api.wait(api.post(question(fresh_image) | {"reference": "order 7"}).json())
    known = api.post(question(fresh_image, "dog")).json()
    failed = api.ask(undecodable)
    events = subscriber.receive(3)
    by_id = {event["detail"]["request_id"]: event for event in events}
    assert Counter(each["detail"]["request_id"] for each in events) == Counter(
        answer["request_id"] for answer in (scanned, known, failed)
    )
    for answer, kind in ((scanned, "Scan Completed"), (known, "Scan Completed"), (failed, "Scan Failed")):
        event = by_id[answer["request_id"]]
        assert (event["source"], event["detail-type"]) == ("imagescan", kind)
        shared = ("status", "reference", "image_hash", "label_matched", "failure", "completed_at")
        assert {name: event["detail"][name] for name in shared} == {name: answer[name] for name in shared}
    assert by_id[scanned["request_id"]]["detail"]["results"][0]["matched_by"] == "name"


def test_a_redrive_publishes_failed_stream_records(
    api: Client, stack: Stack, subscriber: Subscriber, fresh_image: Path
) -> None:
    response = api.ask(fresh_image)
    assert [event["detail"]["request_id"] for event in subscriber.receive(1)] == [response["request_id"]]
    dead_letter = json.dumps({"DDBStreamBatchInfo": _latest_record(stack)})
    sqs, queue_url = stack.client("sqs"), stack.outputs()["EventStreamDeadLetterQueueUrl"]
    sqs.purge_queue(QueueUrl=queue_url)  # dead letters of earlier tests on the same stack
    sqs.send_message(QueueUrl=queue_url, MessageBody=dead_letter)
    out = StringIO()
    for queue, target in DeployedStack(stack.client, stack.outputs(), {}).dead_letter_queues():
        assert redrive(queue, target, Console(file=out, width=200), only_list=False, include_malformed=False)
    assert "1 of 1 messages redelivered to the event publisher" in out.getvalue()
    assert [event["detail"]["request_id"] for event in subscriber.receive(1)] == [response["request_id"]]


def _latest_record(stack: Stack) -> dict[str, Any]:
    """Return the latest record of the requests table, in the format that Lambda uses for a failed batch."""
    streams, table = stack.client("dynamodbstreams"), stack.outputs()["RequestsTable"]
    [stream] = streams.list_streams(TableName=table)["Streams"]
    shard = streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"][-1]
    target = {"StreamArn": stream["StreamArn"], "ShardId": shard["ShardId"]}
    iterator = streams.get_shard_iterator(**target, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    number = None
    while (page := streams.get_records(ShardIterator=iterator))["Records"]:  # at most 1,000 records
        number = page["Records"][-1]["dynamodb"]["SequenceNumber"]
        iterator = page["NextShardIterator"]
    return {
        "streamArn": target["StreamArn"],
        "shardId": target["ShardId"],
        "startSequenceNumber": number,
        "endSequenceNumber": number,
        "approximateArrivalOfFirstRecord": "2026-11-22T12:00:00Z",
        "batchSize": 1,
    }


def test_stats_add_up(
    api: Client, stack: Stack, fresh_image: Path, undecodable: Path, rekognition: RekognitionControl
) -> None:
    before = stable_stats(stack)
    same_content = fresh_image.with_name("commented.jpg")
    same_content.write_bytes(with_comment(fresh_image.read_bytes()))
    questions = [(fresh_image, "cat"), (fresh_image, "dog"), (fresh_image, "mammal"), (same_content, "cat")]
    for image, label in (*questions, (undecodable, "cat")):
        api.ask(image, label)
    eventually(lambda: stats(stack)["requests"] >= before["requests"] + 5)
    after = stable_stats(stack)
    assert {name: after[name] - before[name] for name in before} == {
        "images": 3,
        "requests": 5,
        "completed": 4,
        "failed": 1,
        "scans": rekognition.calls()["total"],
        "scans_avoided": 3,
        "avoided by bytes": 2,
        "avoided by content": 1,
    }


class Receiver(ThreadingHTTPServer):
    """Records each received event with its API key."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ReceiverHandler)
        self.received: list[tuple[str | None, Event]] = []


class ReceiverHandler(BaseHTTPRequestHandler):
    """Handles one webhook call."""

    server: Receiver

    def do_POST(self) -> None:
        """Record the event and return 200."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.headers["X-Api-Key"], json.loads(content)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Suppress the log."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Provide a server that the webhook can call."""
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def webhook(stack: Stack, receiver: Receiver) -> Iterator[None]:
    """Create the rule, connection and destination of the template. The emulator supports them only through its API."""
    template, events, bus = Deployment.of(WebhookUrl="https://example.org"), stack.client("events"), bus_name(stack)
    properties = {
        name: template.properties(name) for name in ("WebhookDestination", "WebhookConnection", "WebhookRule")
    }
    properties["WebhookConnection"]["AuthParameters"]["ApiKeyAuthParameters"]["ApiKeyValue"] = API_KEY
    connection = events.create_connection(**properties["WebhookConnection"] | {"Name": WEBHOOK})["ConnectionArn"]
    endpoint = f"http://127.0.0.1:{receiver.server_port}/scans"
    own = {"Name": WEBHOOK, "ConnectionArn": connection, "InvocationEndpoint": endpoint}
    destination = events.create_api_destination(**properties["WebhookDestination"] | own)["ApiDestinationArn"]
    events.put_rule(Name=WEBHOOK, EventBusName=bus, EventPattern=json.dumps(properties["WebhookRule"]["EventPattern"]))
    target = {"Id": WEBHOOK, "Arn": destination, "RoleArn": "arn:aws:iam::000000000000:role/any"}
    events.put_targets(Rule=WEBHOOK, EventBusName=bus, Targets=[target])
    yield
    events.remove_targets(Rule=WEBHOOK, EventBusName=bus, Ids=[WEBHOOK])
    events.delete_rule(Name=WEBHOOK, EventBusName=bus)
    events.delete_api_destination(Name=WEBHOOK)
    events.delete_connection(Name=WEBHOOK)


@pytest.mark.usefixtures("webhook")
def test_a_webhook_is_called_with_its_api_key(api: Client, receiver: Receiver, fresh_image: Path, stack: Stack) -> None:
    stable_stats(stack)
    answer = api.ask(fresh_image)
    eventually(lambda: receiver.received)
    [(key, event)] = receiver.received
    assert (key, event["detail"]["request_id"]) == (API_KEY, answer["request_id"])
