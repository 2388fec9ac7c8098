import json
from collections.abc import Callable
from io import BytesIO, StringIO
from typing import Any

import boto3
import httpx
import pytest
from botocore.stub import Stubber
from rich.console import Console

from imagescan.aws import clients
from imagescan.aws.images_table import ImagesTable
from ops.redrive.__main__ import DeployedStack
from ops.redrive.dead_letters import DeadLetterQueue, RedriveTarget
from ops.redrive.redrive import redrive
from ops.redrive.scan_queue_target import ScanQueueTarget
from ops.redrive.stream_target import StreamTarget
from ops.redrive.webhook_target import WebhookTarget
from testing.functions import image_bytes, proxy_event
from testing.moto_environment import MotoEnvironment, hash_of
from testing.resources import DEAD_LETTER_QUEUE_URL, IMAGES, QUEUE_URL, REQUESTS

CAT = image_bytes()
KEY = f"images/{hash_of(CAT)}.png"


@pytest.fixture
def dead_letters(env: MotoEnvironment) -> DeadLetterQueue:
    return DeadLetterQueue(env.resources.sqs, DEAD_LETTER_QUEUE_URL, poll_seconds=0)


@pytest.fixture
def scan_queue(env: MotoEnvironment) -> ScanQueueTarget:
    return ScanQueueTarget(env.resources.sqs, QUEUE_URL, ImagesTable(clients.dynamodb(), IMAGES))


def put_dead_letters(env: MotoEnvironment, *bodies: str) -> None:
    for body in bodies:
        env.resources.sqs.send_message(QueueUrl=DEAD_LETTER_QUEUE_URL, MessageBody=body)


def scan_message() -> str:
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"object": {"key": KEY}}}
    return json.dumps({"Records": [record]})


def printed(
    queue: DeadLetterQueue, target: RedriveTarget, *, only_list: bool = False, include_malformed: bool = False
) -> str:
    out = StringIO()
    redrive(queue, target, Console(file=out, width=250), only_list=only_list, include_malformed=include_malformed)
    return out.getvalue()


# ---------------------------------------------------------------- scan messages


def test_redelivering_a_scan_message_completes_its_request(
    env: MotoEnvironment, dead_letters: DeadLetterQueue, scan_queue: ScanQueueTarget
) -> None:
    """Rekognition throttles every delivery until the message moves to the dead-letter queue."""
    request_id = env.functions.submit(CAT).body["request_id"]
    env.transport.fail("DetectLabels", "ThrottlingException")
    for _ in range(6):
        env.trigger.deliver()
        env.trigger.expire_visibility_timeouts()
    env.transport.reset()
    assert (env.resources.depth(QUEUE_URL), env.resources.depth(DEAD_LETTER_QUEUE_URL)) == (0, 1)
    assert "is pending after 0 paid attempts" in printed(dead_letters, scan_queue)
    assert (env.resources.depth(QUEUE_URL), env.resources.depth(DEAD_LETTER_QUEUE_URL)) == (1, 0)
    env.trigger.deliver_all()
    assert env.functions.get(request_id).body["status"] == "completed"


REASONS = {
    "is not JSON": ("noise", True),
    "not a JSON object": ("[]", True),
    "no list of Records": ("{}", True),
    "not an S3 event": ('{"Records": [1]}', True),
    "contains no image of this service": ('{"Event": "s3:TestEvent"}', False),
    "has not been scanned": (scan_message(), False),
}


@pytest.mark.parametrize("reason", REASONS)
def test_the_reason_of_a_scan_message_is_reported(
    env: MotoEnvironment, dead_letters: DeadLetterQueue, scan_queue: ScanQueueTarget, reason: str
) -> None:
    body, is_malformed = REASONS[reason]
    put_dead_letters(env, body)
    [letter] = dead_letters.receive_all()
    failure = scan_queue.reason(letter)
    assert reason in failure.text
    assert failure.is_malformed is is_malformed


def test_the_reason_of_a_scan_message_names_a_scan_that_already_completed(
    env: MotoEnvironment, dead_letters: DeadLetterQueue, scan_queue: ScanQueueTarget
) -> None:
    env.functions.submit(CAT)
    env.trigger.deliver_all()
    put_dead_letters(env, scan_message())
    [letter] = dead_letters.receive_all()
    assert scan_queue.reason(letter).text == f"{hash_of(CAT)[:12]} is already completed"


def test_listing_redelivers_no_message(
    env: MotoEnvironment, dead_letters: DeadLetterQueue, scan_queue: ScanQueueTarget
) -> None:
    put_dead_letters(env, scan_message(), "noise")
    assert "0 of 2 messages redelivered" in printed(dead_letters, scan_queue, only_list=True)
    assert env.resources.depth(QUEUE_URL) == 0
    assert len(dead_letters.receive_all()) == 2


@pytest.mark.parametrize(("include_malformed", "kept"), [(False, 1), (True, 0)])
def test_malformed_messages_are_kept_unless_included(
    env: MotoEnvironment, dead_letters: DeadLetterQueue, scan_queue: ScanQueueTarget, include_malformed: bool, kept: int
) -> None:
    put_dead_letters(env, scan_message(), "noise")
    text = printed(dead_letters, scan_queue, include_malformed=include_malformed)
    assert f"{2 - kept} of 2 messages redelivered" in text
    assert env.resources.depth(QUEUE_URL) == 2 - kept
    assert len(dead_letters.receive_all()) == kept


def test_more_messages_than_one_receive_call_returns_are_redelivered(
    env: MotoEnvironment, dead_letters: DeadLetterQueue, scan_queue: ScanQueueTarget
) -> None:
    put_dead_letters(env, *[scan_message()] * 23)
    assert "23 of 23 messages redelivered" in printed(dead_letters, scan_queue)
    assert env.resources.depth(QUEUE_URL) == 23


# ---------------------------------------------------------------- stream records that were not published


class Lambdas:
    """Invoke a handler like AWS Lambda."""

    def __init__(self, call: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self._call = call

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's spelling
        assert FunctionName == "event-publisher"
        try:
            returned = self._call(json.loads(Payload))
        except KeyError as error:
            return {"FunctionError": "Unhandled", "Payload": BytesIO(json.dumps({"errorMessage": str(error)}).encode())}
        return {"Payload": BytesIO(json.dumps(returned).encode())}


@pytest.fixture
def event_publisher(env: MotoEnvironment) -> StreamTarget:
    lambdas = Lambdas(lambda event: env.functions.invoke("EventPublisherFunction", event))
    return StreamTarget(env.streams.client, lambdas, "event-publisher")


def message_of_lambda(env: MotoEnvironment, table: str = REQUESTS, first: int = 0, last: int = -1) -> str:
    """Return Lambda's failure message for the table's stream records from `first` to `last`."""
    numbers = [record["dynamodb"]["SequenceNumber"] for record in env.streams.records(table)]
    shard = env.streams.shard(table)
    batch = {
        **shard,
        "startSequenceNumber": numbers[first],
        "endSequenceNumber": numbers[last],
        "approximateArrivalOfFirstRecord": "2026-11-22T12:00:00Z",
        "approximateArrivalOfLastRecord": "2026-11-22T12:00:01Z",
        "batchSize": len(numbers[first:last]) + 1,
    }
    return json.dumps({"version": "1.0", "requestContext": {}, "DDBStreamBatchInfo": batch})


def stub_trimmed(stubber: Stubber) -> None:
    stubber.add_client_error("get_shard_iterator", "TrimmedDataAccessException")


def stub_nothing_left(stubber: Stubber) -> None:
    stubber.add_response("get_shard_iterator", {"ShardIterator": "a"})
    stubber.add_response("get_records", {"Records": []})


def test_redelivered_records_are_published_and_counted(
    env: MotoEnvironment, dead_letters: DeadLetterQueue, event_publisher: StreamTarget
) -> None:
    request_id = env.functions.submit(CAT).body["request_id"]
    env.trigger.deliver_all()
    put_dead_letters(env, message_of_lambda(env), message_of_lambda(env, IMAGES))
    text = printed(dead_letters, event_publisher)
    assert "changes of requests since 2026-11-22T12:00:00Z" in text
    assert "2 of 2 messages redelivered to the event publisher" in text
    assert [each["request_id"] for each in env.bus.details] == [request_id]
    assert json.loads(env.functions.invoke("StatsFunction", proxy_event("GET"))["body"])["images"] == 1
    assert dead_letters.receive_all() == []


def test_only_the_records_of_the_failed_batch_are_redelivered(
    env: MotoEnvironment, dead_letters: DeadLetterQueue, event_publisher: StreamTarget
) -> None:
    ids = []
    for shade in range(3):
        ids.append(env.functions.submit(image_bytes(shade)).body["request_id"])
        env.trigger.deliver_all()  # two records each: the item is written, then settled
    put_dead_letters(env, message_of_lambda(env, first=2, last=3))
    printed(dead_letters, event_publisher)
    assert [each["request_id"] for each in env.bus.details] == [ids[1]]


def test_records_are_kept_when_the_function_reports_a_batch_item_failure(
    env: MotoEnvironment, dead_letters: DeadLetterQueue, event_publisher: StreamTarget
) -> None:
    env.functions.submit(CAT)
    env.trigger.deliver_all()
    put_dead_letters(env, message_of_lambda(env))
    env.transport.fail("PutEvents", "InternalServerError", 500)
    assert "kept: the function failed again" in printed(dead_letters, event_publisher)
    assert len(dead_letters.receive_all()) == 1


def test_records_are_kept_when_the_function_raises(env: MotoEnvironment, dead_letters: DeadLetterQueue) -> None:
    def crash(_: dict[str, Any]) -> dict[str, Any]:
        raise KeyError("labels_asked")

    env.functions.submit(CAT)
    put_dead_letters(env, message_of_lambda(env))
    crashing = StreamTarget(env.streams.client, Lambdas(crash), "event-publisher")
    assert "0 of 1" in printed(dead_letters, crashing)
    assert len(dead_letters.receive_all()) == 1


@pytest.mark.parametrize("stub", [stub_trimmed, stub_nothing_left], ids=["trimmed", "shard without these records"])
def test_expired_records_are_reported(
    env: MotoEnvironment, dead_letters: DeadLetterQueue, event_publisher: StreamTarget, stub: Callable[[Stubber], None]
) -> None:
    env.functions.submit(CAT)
    put_dead_letters(env, message_of_lambda(env))
    with Stubber(env.streams.client) as stubber:
        stub(stubber)
        assert "kept: records expired (24-hour stream retention)" in printed(dead_letters, event_publisher)
    assert len(dead_letters.receive_all()) == 1


@pytest.mark.parametrize("body", ["noise", "[]", "{}", '{"DDBStreamBatchInfo": {}}'])
def test_messages_that_lambda_did_not_write_are_always_kept(
    env: MotoEnvironment, dead_letters: DeadLetterQueue, event_publisher: StreamTarget, body: str
) -> None:
    put_dead_letters(env, body)
    assert "malformed: not a stream failure message of Lambda" in printed(dead_letters, event_publisher)
    assert "0 of 1" in printed(dead_letters, event_publisher, include_malformed=True)


# ---------------------------------------------------------------- events that the webhook did not accept


EVENT = {"source": "imagescan", "detail-type": "Scan Completed", "detail": {"reference": "Ärger"}}


class Receiver:
    """Respond to each call with the status, or refuse the connection if it is None."""

    def __init__(self, status: int | None = 200) -> None:
        self.received: list[httpx.Request] = []
        self._status = status

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.received.append(request)
        if self._status is None:
            raise httpx.ConnectError("refused")
        return httpx.Response(self._status)


def webhook_of(receiver: Receiver) -> WebhookTarget:
    http = httpx.Client(transport=httpx.MockTransport(receiver))
    return WebhookTarget(http, "https://example.org/scans", lambda: "a key")


def put_failed_event(env: MotoEnvironment) -> None:
    """Store an event with its error, like EventBridge."""
    error = {"ERROR_CODE": "SDK_CLIENT_ERROR", "ERROR_MESSAGE": "status code 400"}
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in error.items()}
    env.resources.sqs.send_message(
        QueueUrl=DEAD_LETTER_QUEUE_URL, MessageBody=json.dumps(EVENT), MessageAttributes=attributes
    )


def test_a_failed_event_is_posted_to_the_webhook_with_its_key(
    env: MotoEnvironment, dead_letters: DeadLetterQueue
) -> None:
    put_failed_event(env)
    receiver = Receiver()
    text = printed(dead_letters, webhook_of(receiver))
    assert "SDK_CLIENT_ERROR: status code 400" in text
    assert "1 of 1 messages redelivered to the webhook" in text
    [posted] = receiver.received
    assert (posted.method, str(posted.url), posted.headers["X-Api-Key"]) == (
        "POST",
        "https://example.org/scans",
        "a key",
    )
    assert json.loads(posted.content) == EVENT
    assert env.bus.entries == []  # other subscribers have already received it
    assert dead_letters.receive_all() == []


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (500, "the webhook returned 500"),
        (302, "the webhook returned 302"),
        (None, "the webhook is unreachable: refused"),
    ],
)
def test_an_event_is_kept_when_the_webhook_rejects_it_again(
    env: MotoEnvironment, dead_letters: DeadLetterQueue, status: int | None, reason: str
) -> None:
    put_failed_event(env)
    assert f"kept: {reason}" in printed(dead_letters, webhook_of(Receiver(status)))
    assert len(dead_letters.receive_all()) == 1


# ---------------------------------------------------------------- queues of a stack


def target_names(**outputs: str) -> list[str]:
    """Return the targets of a stack's dead-letter queues."""
    queues = ("ScanDeadLetterQueueUrl", "EventStreamDeadLetterQueueUrl", "ScanQueueUrl")
    names = (*queues, "ImagesTable", "EventPublisherFunction")
    client: Any = boto3.client
    stack = DeployedStack(client, dict.fromkeys(names, "it") | outputs, {"WebhookUrl": "https://example.org/scans"})
    return [target.name for _, target in stack.dead_letter_queues()]


@pytest.mark.usefixtures("env")
def test_every_dead_letter_queue_is_processed_including_the_optional_one_of_the_webhook() -> None:
    always = ["scan queue", "event publisher"]
    assert target_names() == always
    assert target_names(WebhookDeadLetterQueueUrl="it", WebhookApiKeySecret="it") == [*always, "webhook"]
