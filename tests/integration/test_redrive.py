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
from ops.redrive.__main__ import Deployed
from ops.redrive.ended_function import EndedFunction
from ops.redrive.letters import Addressee, LetterQueue
from ops.redrive.redrive import redrive
from ops.redrive.scan_queue import ScanQueue
from ops.redrive.webhook import Webhook
from testing.functions import picture, proxy_event
from testing.moto_environment import MotoEnvironment, hash_of
from testing.resources import DEAD_LETTERS_URL, IMAGES, QUEUE_URL, REQUESTS

CAT = picture()
KEY = f"images/{hash_of(CAT)}.png"


@pytest.fixture
def dead_letters(env: MotoEnvironment) -> LetterQueue:
    return LetterQueue(env.resources.sqs, DEAD_LETTERS_URL, poll_seconds=0)


@pytest.fixture
def scan_queue(env: MotoEnvironment) -> ScanQueue:
    return ScanQueue(env.resources.sqs, QUEUE_URL, ImagesTable(clients.dynamodb(), IMAGES))


def bury(env: MotoEnvironment, *bodies: str) -> None:
    for body in bodies:
        env.resources.sqs.send_message(QueueUrl=DEAD_LETTERS_URL, MessageBody=body)


def announcement() -> str:
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"object": {"key": KEY}}}
    return json.dumps({"Records": [record]})


def printed(queue: LetterQueue, addressee: Addressee, *, only_list: bool = False, with_poison: bool = False) -> str:
    out = StringIO()
    redrive(queue, addressee, Console(file=out, width=250), only_list=only_list, with_poison=with_poison)
    return out.getvalue()


# ---------------------------------------------------------------- announcements of images


def test_a_dead_letter_is_returned_and_its_request_answered(
    env: MotoEnvironment, dead_letters: LetterQueue, scan_queue: ScanQueue
) -> None:
    """Rekognition throttles for as long as the queue has patience."""
    request_id = env.functions.submit(CAT).body["request_id"]
    env.transport.fail("DetectLabels", "ThrottlingException")
    for _ in range(6):
        env.trigger.deliver()
        env.trigger.end_visibility_timeouts()
    env.transport.reset()
    assert (env.resources.depth(QUEUE_URL), env.resources.depth(DEAD_LETTERS_URL)) == (0, 1)
    assert "is pending after 0 paid attempts" in printed(dead_letters, scan_queue)
    assert (env.resources.depth(QUEUE_URL), env.resources.depth(DEAD_LETTERS_URL)) == (1, 0)
    env.trigger.deliver_all()
    assert env.functions.get(request_id).body["status"] == "completed"


REASONS = {
    "is not JSON": ("noise", True),
    "not a JSON object": ("[]", True),
    "no list of Records": ("{}", True),
    "not an S3 event": ('{"Records": [1]}', True),
    "announces no image of ours": ('{"Event": "s3:TestEvent"}', False),
    "was never begun": (announcement(), False),
}


@pytest.mark.parametrize("reason", REASONS)
def test_a_dead_letter_says_why_it_is_one(
    env: MotoEnvironment, dead_letters: LetterQueue, scan_queue: ScanQueue, reason: str
) -> None:
    body, is_poison = REASONS[reason]
    bury(env, body)
    [letter] = dead_letters.letters()
    told = scan_queue.reason(letter)
    assert reason in told.text
    assert told.is_poison is is_poison


def test_a_dead_letter_of_a_scanned_image_says_so(
    env: MotoEnvironment, dead_letters: LetterQueue, scan_queue: ScanQueue
) -> None:
    env.functions.submit(CAT)
    env.trigger.deliver_all()
    bury(env, announcement())
    [letter] = dead_letters.letters()
    assert scan_queue.reason(letter).text == f"{hash_of(CAT)[:12]} is completed already"


def test_listing_moves_nothing(env: MotoEnvironment, dead_letters: LetterQueue, scan_queue: ScanQueue) -> None:
    bury(env, announcement(), "noise")
    assert "0 of 2 dead letters returned" in printed(dead_letters, scan_queue, only_list=True)
    assert env.resources.depth(QUEUE_URL) == 0
    assert len(dead_letters.letters()) == 2


@pytest.mark.parametrize(("with_poison", "stay"), [(False, 1), (True, 0)])
def test_poison_stays_unless_all_are_asked_for(
    env: MotoEnvironment, dead_letters: LetterQueue, scan_queue: ScanQueue, with_poison: bool, stay: int
) -> None:
    bury(env, announcement(), "noise")
    text = printed(dead_letters, scan_queue, with_poison=with_poison)
    assert f"{2 - stay} of 2 dead letters returned" in text
    assert env.resources.depth(QUEUE_URL) == 2 - stay
    assert len(dead_letters.letters()) == stay


def test_more_than_a_batch_is_returned(env: MotoEnvironment, dead_letters: LetterQueue, scan_queue: ScanQueue) -> None:
    bury(env, *[announcement()] * 23)
    assert "23 of 23 dead letters returned" in printed(dead_letters, scan_queue)
    assert env.resources.depth(QUEUE_URL) == 23


# ---------------------------------------------------------------- changes that were not announced


class Lambdas:
    """Calls a handler as AWS Lambda does."""

    def __init__(self, call: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self._call = call

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's spelling
        assert FunctionName == "ended"
        try:
            returned = self._call(json.loads(Payload))
        except KeyError as error:
            return {"FunctionError": "Unhandled", "Payload": BytesIO(json.dumps({"errorMessage": str(error)}).encode())}
        return {"Payload": BytesIO(json.dumps(returned).encode())}


@pytest.fixture
def ended_function(env: MotoEnvironment) -> EndedFunction:
    lambdas = Lambdas(lambda event: env.functions.invoke("EventPublisherFunction", event))
    return EndedFunction(env.streams.client, lambdas, "ended")


def message_of_lambda(env: MotoEnvironment, table: str = REQUESTS, first: int = 0, last: int = -1) -> str:
    """What Lambda leaves when the table's changes from first to last could not be worked off."""
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


def test_changes_that_were_not_announced_are_told_again_and_counted(
    env: MotoEnvironment, dead_letters: LetterQueue, ended_function: EndedFunction
) -> None:
    request_id = env.functions.submit(CAT).body["request_id"]
    env.trigger.deliver_all()
    bury(env, message_of_lambda(env), message_of_lambda(env, IMAGES))
    text = printed(dead_letters, ended_function)
    assert "changes of requests since 2026-11-22T12:00:00Z" in text
    assert "2 of 2 dead letters returned to the function that sends events" in text
    assert [each["request_id"] for each in env.bus.details] == [request_id]
    assert json.loads(env.functions.invoke("StatsFunction", proxy_event("GET"))["body"])["images"] == 1
    assert dead_letters.letters() == []


def test_only_the_changes_that_were_given_up_are_told_again(
    env: MotoEnvironment, dead_letters: LetterQueue, ended_function: EndedFunction
) -> None:
    ids = []
    for shade in range(3):
        ids.append(env.functions.submit(picture(shade)).body["request_id"])
        env.trigger.deliver_all()  # two changes each: the row is written, and settled
    bury(env, message_of_lambda(env, first=2, last=3))
    printed(dead_letters, ended_function)
    assert [each["request_id"] for each in env.bus.details] == [ids[1]]


def test_changes_stay_that_the_function_gives_back_once_more(
    env: MotoEnvironment, dead_letters: LetterQueue, ended_function: EndedFunction
) -> None:
    env.functions.submit(CAT)
    env.trigger.deliver_all()
    bury(env, message_of_lambda(env))
    env.transport.fail("PutEvents", "InternalServerError", 500)
    assert "stays: the function failed again" in printed(dead_letters, ended_function)
    assert len(dead_letters.letters()) == 1


def test_changes_stay_when_the_function_crashes(env: MotoEnvironment, dead_letters: LetterQueue) -> None:
    def crash(_: dict[str, Any]) -> dict[str, Any]:
        raise KeyError("labels_asked")

    env.functions.submit(CAT)
    bury(env, message_of_lambda(env))
    crashing = EndedFunction(env.streams.client, Lambdas(crash), "ended")
    assert "0 of 1" in printed(dead_letters, crashing)
    assert len(dead_letters.letters()) == 1


@pytest.mark.parametrize("stub", [stub_trimmed, stub_nothing_left], ids=["trimmed", "a shard that ends before them"])
def test_changes_that_the_stream_has_forgotten_are_said_to_be_lost(
    env: MotoEnvironment, dead_letters: LetterQueue, ended_function: EndedFunction, stub: Callable[[Stubber], None]
) -> None:
    env.functions.submit(CAT)
    bury(env, message_of_lambda(env))
    with Stubber(env.streams.client) as stubber:
        stub(stubber)
        assert "stays: the stream, which remembers for 24 hours, has forgotten" in printed(dead_letters, ended_function)
    assert len(dead_letters.letters()) == 1


@pytest.mark.parametrize("body", ["noise", "[]", "{}", '{"DDBStreamBatchInfo": {}}'])
def test_what_lambda_did_not_write_stays_whatever_is_asked_for(
    env: MotoEnvironment, dead_letters: LetterQueue, ended_function: EndedFunction, body: str
) -> None:
    bury(env, body)
    assert "poison: no message of Lambda" in printed(dead_letters, ended_function)
    assert "0 of 1" in printed(dead_letters, ended_function, with_poison=True)


# ---------------------------------------------------------------- events that the webhook did not take


EVENT = {"source": "imagescan", "detail-type": "Scan Completed", "detail": {"reference": "Ärger"}}


class Receiver:
    """Answers each call with that status, or not at all."""

    def __init__(self, status: int | None = 200) -> None:
        self.received: list[httpx.Request] = []
        self._status = status

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.received.append(request)
        if self._status is None:
            raise httpx.ConnectError("refused")
        return httpx.Response(self._status)


def webhook_of(receiver: Receiver) -> Webhook:
    http = httpx.Client(transport=httpx.MockTransport(receiver))
    return Webhook(http, "https://example.org/scans", lambda: "a key")


def leave_event(env: MotoEnvironment) -> None:
    """As EventBridge does."""
    why = {"ERROR_CODE": "SDK_CLIENT_ERROR", "ERROR_MESSAGE": "status code 400"}
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in why.items()}
    env.resources.sqs.send_message(
        QueueUrl=DEAD_LETTERS_URL, MessageBody=json.dumps(EVENT), MessageAttributes=attributes
    )


def test_an_event_that_the_webhook_did_not_take_is_posted_to_it_with_its_key(
    env: MotoEnvironment, dead_letters: LetterQueue
) -> None:
    leave_event(env)
    receiver = Receiver()
    text = printed(dead_letters, webhook_of(receiver))
    assert "SDK_CLIENT_ERROR: status code 400" in text
    assert "1 of 1 dead letters returned to the webhook" in text
    [posted] = receiver.received
    assert (posted.method, str(posted.url), posted.headers["X-Api-Key"]) == (
        "POST",
        "https://example.org/scans",
        "a key",
    )
    assert json.loads(posted.content) == EVENT
    assert env.bus.entries == []  # other subscribers have heard of it
    assert dead_letters.letters() == []


@pytest.mark.parametrize(
    ("status", "why"), [(500, "it answers 500"), (302, "it answers 302"), (None, "it does not answer: refused")]
)
def test_an_event_stays_that_the_webhook_refuses_again(
    env: MotoEnvironment, dead_letters: LetterQueue, status: int | None, why: str
) -> None:
    leave_event(env)
    assert f"stays: {why}" in printed(dead_letters, webhook_of(Receiver(status)))
    assert len(dead_letters.letters()) == 1


# ---------------------------------------------------------------- which queues there are


def given_up(**outputs: str) -> list[str]:
    """Whom a stack's dead letters are for."""
    names = (
        "ScanDeadLetterQueueUrl",
        "EventStreamDeadLetterQueueUrl",
        "ScanQueueUrl",
        "ImagesTable",
        "EventPublisherFunction",
    )
    client: Any = boto3.client
    stack = Deployed(client, dict.fromkeys(names, "it") | outputs, {"WebhookUrl": "https://example.org/scans"})
    return [addressee.name for _, addressee in stack.given_up()]


@pytest.mark.usefixtures("world")
def test_every_queue_of_a_stack_is_gone_through_and_the_webhooks_where_there_is_one() -> None:
    always = ["the scan queue", "the function that sends events"]
    assert given_up() == always
    assert given_up(WebhookDeadLetterQueueUrl="it", WebhookApiKeySecret="it") == [*always, "the webhook"]
