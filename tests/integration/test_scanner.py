"""The handler of the scanner, from the SQS event to the messages that it retries."""

import json
from typing import Any

import pytest

from imagescan.aws import clients
from imagescan.aws.images_table import ImagesTable
from imagescan.domain.policy import BACKOFF_SECONDS, MAX_ATTEMPTS
from testing.functions import image_bytes
from testing.moto_environment import MotoEnvironment, hash_of
from testing.recording_transport import InjectedFault
from testing.resources import BUCKET, IMAGES, QUEUE_URL, REQUESTS
from testing.wire_messages import body_bytes
from tests.integration.conftest import Log

CAT, CAR = image_bytes(0), image_bytes(1)
ANY_KEY = f"images/{'ab' * 32}.png"


def key_of(content: bytes) -> str:
    return f"images/{hash_of(content)}.png"


def record(key: str, **changes: Any) -> dict[str, Any]:
    s3 = {"bucket": {"name": BUCKET}, "object": {"key": key}}
    return {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3} | changes


def upload_message(*records: Any, number: int = 0, receives: int = 1) -> dict[str, Any]:
    return sqs_message(json.dumps({"Records": records}), number=number, receives=receives)


def sqs_message(body: str, number: int = 0, receives: int = 1) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": str(receives)}
    return {"MessageId": f"m{number}", "ReceiptHandle": f"r{number}", "Body": body, "Attributes": attributes}


def status_of(env: MotoEnvironment, request_id: str) -> str:
    status: str = env.functions.get(request_id).body["status"]
    return status


def delays(env: MotoEnvironment) -> list[int]:
    """Return the delays in seconds of the messages to retry."""
    calls = zip(env.transport.calls, env.transport.requests, strict=True)
    [request] = [request for call, request in calls if call == "ChangeMessageVisibilityBatch"]
    return [entry["VisibilityTimeout"] for entry in json.loads(body_bytes(request))["Entries"]]


def test_equal_images_of_a_batch_are_scanned_once(env: MotoEnvironment) -> None:
    request_id = [env.functions.submit(CAT).body["request_id"] for _ in range(5)]
    assert env.trigger.deliver() == 5
    assert env.detector.calls == {hash_of(CAT): 1}
    assert [status_of(env, request_id) for request_id in request_id] == ["completed"] * 5
    assert env.resources.depth(QUEUE_URL) == 0


def test_all_records_of_a_message_are_scanned(env: MotoEnvironment) -> None:
    request_id = [env.functions.submit(content).body["request_id"] for content in (CAT, CAR)]
    assert env.functions.scan(upload_message(record(key_of(CAT)), record(key_of(CAR)), record(key_of(CAT)))) == set()
    assert env.detector.calls == {hash_of(CAT): 1, hash_of(CAR): 1}
    assert [status_of(env, request_id) for request_id in request_id] == ["completed"] * 2


def test_only_the_message_of_an_unfinished_image_is_retried(env: MotoEnvironment, log: Log) -> None:
    env.functions.submit(CAT)
    env.functions.submit(CAR)
    env.resources.s3.delete_object(Bucket=BUCKET, Key=key_of(CAT))
    env.detector.errors.append((400, "ProvisionedThroughputExceededException"))
    batch = [upload_message(record(key_of(content)), number=number) for number, content in enumerate((CAT, CAR))]
    assert env.functions.scan(*batch) == {"m1"}
    [line] = log.messages("transient_error")
    assert line["detail"] == "ProvisionedThroughputExceededException"
    assert line["image_hash"] == hash_of(CAR)


def test_all_messages_of_a_failed_image_are_retried(env: MotoEnvironment) -> None:
    env.functions.submit(CAT)
    env.detector.errors.append((500, "InternalServerError"))
    batch = [upload_message(record(key_of(CAT)), number=number) for number in range(3)]
    assert env.functions.scan(*batch) == {"m0", "m1", "m2"}


MALFORMED = {
    "not JSON": "<xml/>",
    "an empty body": "",
    "not an object": '["s3"]',
    "no records": '{"Event": "s3:SomethingElse"}',
    "an incomplete record": '{"Records": [{"eventSource": "aws:s3"}]}',
    "deeply nested": "[" * 100_000,
    "256 KB of noise": "\x7f" * 262_144,
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_message_is_retried_and_does_not_affect_other_messages(
    env: MotoEnvironment, log: Log, case: str
) -> None:
    request_id = env.functions.submit(CAT).body["request_id"]
    assert env.functions.scan(
        sqs_message(MALFORMED[case], number=1), upload_message(record(key_of(CAT)), number=2)
    ) == {"m1"}
    assert status_of(env, request_id) == "completed"
    [line] = log.messages("malformed_message")
    assert line["level"] == "ERROR"
    assert line["reason"]
    assert line["message_id"] == "m1"
    assert len(log.text) < 10_000


NO_IMAGES = {
    "the test event of S3": sqs_message(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"})),
    "a key without a hash": upload_message(record("images/holiday.jpg")),
    "another prefix": upload_message(record(f"thumbnails/{ANY_KEY}")),
    "a deletion": upload_message(record(ANY_KEY, eventName="ObjectRemoved:Delete")),
    "no records": upload_message(),
}


@pytest.mark.parametrize("case", NO_IMAGES)
def test_a_message_without_images_is_acknowledged_without_a_call(env: MotoEnvironment, case: str) -> None:
    assert env.functions.scan(NO_IMAGES[case]) == set()
    assert env.transport.calls == []


def test_a_missing_object_is_acknowledged_without_a_paid_call(env: MotoEnvironment) -> None:
    assert env.functions.scan(upload_message(record(ANY_KEY))) == set()
    assert env.detector.calls.total() == 0
    [item] = env.resources.items(IMAGES)
    assert item.keys() == {"image_hash", "status", "expires_at"}


def test_bytes_that_do_not_match_the_key_are_not_scanned(env: MotoEnvironment, log: Log) -> None:
    env.resources.s3.put_object(Bucket=BUCKET, Key=ANY_KEY, Body=CAT)
    assert env.trigger.deliver() == 1
    assert env.resources.depth(QUEUE_URL) == 0
    assert env.detector.calls.total() == 0
    assert log.messages("hash_mismatch")


@pytest.mark.parametrize(("receives", "delay"), [(1, 10), (2, 45), (4, 45)])
def test_a_leased_image_is_retried_soon_and_then_rarely(env: MotoEnvironment, receives: int, delay: int) -> None:
    env.functions.submit(CAT)
    now = env.clock.now
    ImagesTable(clients.dynamodb(), IMAGES).lease(hash_of(CAT), "another", now, now + 90, MAX_ATTEMPTS)
    env.transport.reset()
    assert env.functions.scan(upload_message(record(key_of(CAT)), receives=receives)) == {"m0"}
    assert delays(env) == [delay]
    assert env.detector.calls.total() == 0


@pytest.mark.parametrize(("receives", "delay"), [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 300)])
def test_the_delay_grows_with_each_retry(env: MotoEnvironment, receives: int, delay: int) -> None:
    env.functions.submit(CAT)
    env.detector.errors.append((400, "ThrottlingException"))
    env.transport.reset()
    env.functions.scan(upload_message(record(key_of(CAT)), receives=receives))
    assert delays(env) == [delay]


def test_no_scan_starts_without_enough_time(env: MotoEnvironment) -> None:
    env.functions.submit(CAT)
    env.transport.reset()
    assert env.functions.scan(upload_message(record(key_of(CAT))), seconds=29) == {"m0"}
    assert env.transport.calls == ["ChangeMessageVisibilityBatch"]


def test_a_configuration_error_is_logged_and_leaves_the_request_pending(env: MotoEnvironment, log: Log) -> None:
    request_id = env.functions.submit(CAT).body["request_id"]
    env.detector.errors.append((400, "AccessDeniedException"))
    assert env.functions.scan(upload_message(record(key_of(CAT)))) == {"m0"}
    [line] = log.messages("configuration_error")
    assert (line["level"], line["detail"]) == ("ERROR", "AccessDeniedException")
    assert status_of(env, request_id) == "pending"


def test_an_image_fails_after_the_maximum_number_of_attempts(env: MotoEnvironment, log: Log) -> None:
    request_id = env.functions.submit(CAT).body["request_id"]
    for wait in (0, *BACKOFF_SECONDS):
        env.clock.now += wait
        env.transport.inject_into("DetectLabels", InjectedFault.RESPONSE_LOST)
        assert env.functions.scan(upload_message(record(key_of(CAT)))) == {"m0"}
    assert env.functions.scan(upload_message(record(key_of(CAT)))) == set()
    assert env.detector.calls == {hash_of(CAT): MAX_ATTEMPTS}
    [line] = log.messages("exhausted")
    assert line["level"] == "ERROR"
    response = env.functions.get(request_id).body
    assert (response["status"], response["failure"]["code"]) == ("failed", "attempts_exhausted")


def test_an_error_while_settling_does_not_retry_the_message(env: MotoEnvironment, log: Log) -> None:
    request_id = env.functions.submit(CAT).body["request_id"]
    env.transport.fail("Query", "AccessDeniedException")
    assert env.functions.scan(upload_message(record(key_of(CAT)))) == set()
    assert status_of(env, request_id) == "completed"
    [line] = log.messages("scanned")
    assert (line["level"], line["settled"]) == ("WARNING", 0)
    assert "AccessDeniedException" in line["exception"]


def test_a_malformed_request_does_not_prevent_settling_the_others(env: MotoEnvironment) -> None:
    malformed, healthy = (env.functions.submit(image_bytes()).body["request_id"] for _ in range(2))
    env.resources.dynamodb.update_item(
        TableName=REQUESTS, Key={"request_id": {"S": malformed}}, UpdateExpression="REMOVE labels_asked"
    )
    env.trigger.deliver_all()
    pending = [item["request_id"]["S"] for item in env.resources.items(REQUESTS, index="pending_by_image")]
    assert pending == [malformed]
    assert env.functions.get(healthy).body["status"] == "completed"
