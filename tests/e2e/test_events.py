"""Subscribers hear of each request that ends, a webhook is called, and the stats add up, on the deployed stack."""

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
from testing.images import png
from tests.e2e.stack_admin import eventually
from tools.env import REGION

type Event = dict[str, Any]

RULE, WEBHOOK, KEY = "subscriber", "webhook", "a key of sixteen or more"
AT_REST = 5


def bus_of(stack: Stack) -> str:
    return stack.outputs()["EventBus"]


class Subscriber:
    """A queue that a rule on the bus feeds, as docs/events.md shows it."""

    def __init__(self, stack: Stack) -> None:
        self._sqs, self._events, self._bus = stack.client("sqs"), stack.client("events"), bus_of(stack)
        self._queue = self._sqs.create_queue(QueueName=RULE)["QueueUrl"]
        pattern = json.dumps({"source": ["imagescan"]})
        target = {"Id": RULE, "Arn": f"arn:aws:sqs:{REGION}:000000000000:{RULE}"}
        self._events.put_rule(Name=RULE, EventBusName=self._bus, EventPattern=pattern)
        self._events.put_targets(Rule=RULE, EventBusName=self._bus, Targets=[target])

    def hear(self, count: int, seconds: float = 60) -> list[Event]:
        """That many events and what comes in the two seconds after them, or what came until the time is over."""
        end, heard = time.monotonic() + seconds, self._receive(0)
        while len(heard) < count and time.monotonic() < end:
            heard += self._receive(2)
        return heard + self._receive(2)

    def leave(self) -> None:
        """Take queue and rule away."""
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
    """One that hears of nothing but what ends in this test: the stats stand still before it."""
    stats_at_rest(stack)
    subscriber = Subscriber(stack)
    yield subscriber
    subscriber.leave()


def stats(stack: Stack) -> dict[str, int]:
    body: dict[str, Any] = httpx.get(f"{stack.api_url}/stats", timeout=60).raise_for_status().json()
    return {name: value for name, value in body.items() if name != "as_of"}


def stats_at_rest(stack: Stack) -> dict[str, int]:
    """What the stats say once they have stood still for as long as a function may take to wake up."""
    seen = [stats(stack)]

    def stands_still() -> bool:
        seen.append(stats(stack))
        return len(seen) > AT_REST and all(each == seen[-1] for each in seen[-AT_REST:])

    eventually(stands_still)
    return seen[-1]


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A picture that nobody has sent before and nothing can read behind its header."""
    picture = tmp_path / "damaged.png"
    picture.write_bytes(png(200, 200, shade=uuid.uuid4().int))
    return picture


def test_a_subscriber_hears_once_of_each_request_that_ends_however_it_ends(
    api: Client, subscriber: Subscriber, fresh_image: Path, damaged: Path
) -> None:
    scanned = api.wait(api.post(question(fresh_image) | {"reference": "order 7"}).json())
    at_once = api.post(question(fresh_image, "dog")).json()
    failed = api.ask(damaged)
    heard = subscriber.hear(3)
    by_id = {event["detail"]["request_id"]: event for event in heard}
    assert Counter(each["detail"]["request_id"] for each in heard) == Counter(
        answer["request_id"] for answer in (scanned, at_once, failed)
    )
    for answer, kind in ((scanned, "Scan Completed"), (at_once, "Scan Completed"), (failed, "Scan Failed")):
        event = by_id[answer["request_id"]]
        assert (event["source"], event["detail-type"]) == ("imagescan", kind)
        alike = ("status", "reference", "image_hash", "label_matched", "failure", "completed_at")
        assert {name: event["detail"][name] for name in alike} == {name: answer[name] for name in alike}
    assert by_id[scanned["request_id"]]["detail"]["results"][0]["matched_by"] == "name"


def test_changes_that_were_given_up_are_announced_by_a_redrive(
    api: Client, stack: Stack, subscriber: Subscriber, fresh_image: Path
) -> None:
    asked = api.ask(fresh_image)
    assert [event["detail"]["request_id"] for event in subscriber.hear(1)] == [asked["request_id"]]
    dead_letter_queues = json.dumps({"DDBStreamBatchInfo": _newest_change(stack)})
    stack.client("sqs").send_message(QueueUrl=stack.outputs()["UnannouncedQueueUrl"], MessageBody=dead_letter_queues)
    out = StringIO()
    for queue, target in DeployedStack(stack.client, stack.outputs(), {}).dead_letter_queues():
        assert redrive(queue, target, Console(file=out, width=200), only_list=False, include_malformed=False)
    assert "1 of 1 dead letters returned to the function that sends events" in out.getvalue()
    assert [event["detail"]["request_id"] for event in subscriber.hear(1)] == [asked["request_id"]]


def _newest_change(stack: Stack) -> dict[str, Any]:
    """The newest change of the requests table, as Lambda names one that could not be worked off."""
    streams, table = stack.client("dynamodbstreams"), stack.outputs()["RequestsTable"]
    [stream] = streams.list_streams(TableName=table)["Streams"]
    shard = streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"][-1]
    where = {"StreamArn": stream["StreamArn"], "ShardId": shard["ShardId"]}
    iterator = streams.get_shard_iterator(**where, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    number = streams.get_records(ShardIterator=iterator)["Records"][-1]["dynamodb"]["SequenceNumber"]
    return {
        "streamArn": where["StreamArn"],
        "shardId": where["ShardId"],
        "startSequenceNumber": number,
        "endSequenceNumber": number,
        "approximateArrivalOfFirstRecord": "2026-11-22T12:00:00Z",
        "batchSize": 1,
    }


def test_stats_add_up(
    api: Client, stack: Stack, fresh_image: Path, damaged: Path, rekognition: RekognitionControl
) -> None:
    before = stats_at_rest(stack)
    for picture, label in ((fresh_image, "cat"), (fresh_image, "dog"), (fresh_image, "mammal"), (damaged, "cat")):
        api.ask(picture, label)
    eventually(lambda: stats(stack)["requests"] >= before["requests"] + 4)
    after = stats_at_rest(stack)
    assert {name: after[name] - before[name] for name in before} == {
        "images": 2,
        "requests": 4,
        "completed": 3,
        "failed": 1,
        "scans": rekognition.calls()["total"],
        "scans_avoided": 2,
    }


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted to it: the key that came with it, and the event."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Reception)
        self.received: list[tuple[str | None, Event]] = []


class Reception(BaseHTTPRequestHandler):
    """Takes one call of a webhook."""

    server: Receiver

    def do_POST(self) -> None:
        """Keep it and say that it is well."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.headers["X-Api-Key"], json.loads(content)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: the test looks at what was kept."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that a webhook can call."""
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def webhook(stack: Stack, receiver: Receiver) -> Iterator[None]:
    """The template's own rule, connection and destination, which the emulator takes by its API only."""
    template, events, bus = Deployment.of(WebhookUrl="https://example.org"), stack.client("events"), bus_of(stack)
    properties = {name: template.properties(name) for name in ("Webhook", "WebhookConnection", "WebhookRule")}
    properties["WebhookConnection"]["AuthParameters"]["ApiKeyAuthParameters"]["ApiKeyValue"] = KEY
    connection = events.create_connection(**properties["WebhookConnection"] | {"Name": WEBHOOK})["ConnectionArn"]
    address = f"http://127.0.0.1:{receiver.server_port}/scans"
    own = {"Name": WEBHOOK, "ConnectionArn": connection, "InvocationEndpoint": address}
    destination = events.create_api_destination(**properties["Webhook"] | own)["ApiDestinationArn"]
    events.put_rule(Name=WEBHOOK, EventBusName=bus, EventPattern=json.dumps(properties["WebhookRule"]["EventPattern"]))
    target = {"Id": WEBHOOK, "Arn": destination, "RoleArn": "arn:aws:iam::000000000000:role/any"}
    events.put_targets(Rule=WEBHOOK, EventBusName=bus, Targets=[target])
    yield
    events.remove_targets(Rule=WEBHOOK, EventBusName=bus, Ids=[WEBHOOK])
    events.delete_rule(Name=WEBHOOK, EventBusName=bus)
    events.delete_api_destination(Name=WEBHOOK)
    events.delete_connection(Name=WEBHOOK)


@pytest.mark.usefixtures("webhook")
def test_a_webhook_is_called_with_its_key(api: Client, receiver: Receiver, fresh_image: Path, stack: Stack) -> None:
    stats_at_rest(stack)
    answer = api.ask(fresh_image)
    eventually(lambda: receiver.received)
    [(key, event)] = receiver.received
    assert (key, event["detail"]["request_id"]) == (KEY, answer["request_id"])
