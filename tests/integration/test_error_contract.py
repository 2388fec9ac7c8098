"""Every documented error of S3, DynamoDB and SQS, met by the handlers through the SDK."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from testing.error_contract import CALLS, ErrorEffect
from testing.functions import image_bytes
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of
from testing.resources import BUCKET, QUEUE_URL, REQUESTS
from tests.integration.conftest import Log

KEY = f"images/{hash_of(image_bytes())}.png"


def codes(*operations: str) -> Iterator[tuple[str, str, ErrorEffect]]:
    """Each code of these operations with what becomes of it."""
    for (_, operation), table in CALLS.items():
        if operation in operations:
            yield from ((operation, code, becomes) for code, becomes in table.items())


def refused(becomes: ErrorEffect, *operations: str) -> list[tuple[str, str]]:
    return [(operation, code) for operation, code, becoming in codes(*operations) if becoming is becomes]


def uploaded_without_a_checksum(env: MotoEnvironment) -> None:
    env.functions.submit(image_bytes())
    env.resources.s3.put_object(Bucket=BUCKET, Key=KEY, Body=image_bytes())


@pytest.mark.parametrize(("operation", "code"), refused(ErrorEffect.FAILURE, "UpdateItem", "HeadObject", "GetObject"))
def test_a_scan_that_meets_an_error_brings_its_message_back(
    env: MotoEnvironment, log: Log, operation: str, code: str
) -> None:
    uploaded_without_a_checksum(env)
    env.transport.fail(operation, code)
    env.trigger.deliver()
    assert env.resources.depth(QUEUE_URL) == 2
    assert env.detector.calls.total() == 0
    [line, *_] = log.messages("unhandled_error")
    assert line["level"] == "ERROR"
    assert f"({code})" in line["exception"]
    env.transport.reset()
    env.recover()
    assert env.functions.get(env.functions.accepted[0]).body["status"] == "completed"


@pytest.mark.parametrize("operation", ["HeadObject", "GetObject"])
def test_a_bucket_that_cannot_be_read_for_hours_fails_no_image(env: MotoEnvironment, operation: str) -> None:
    uploaded_without_a_checksum(env)
    env.transport.fail(operation, "SlowDown", 503)
    for _ in range(12):
        env.pass_time(2 * MINUTE)
        env.resources.enqueue(KEY)
        env.trigger.deliver()
    env.transport.reset()
    env.recover()
    assert env.functions.get(env.functions.accepted[0]).body["status"] == "completed"
    assert env.detector.calls.total() == 1


@pytest.mark.parametrize(("operation", "code"), refused(ErrorEffect.RESULT, "HeadObject"))
def test_an_object_that_is_gone_leaves_nothing_to_do(env: MotoEnvironment, log: Log, operation: str, code: str) -> None:
    env.functions.submit(image_bytes())
    env.transport.fail(operation, code, 404)
    env.trigger.deliver()
    assert env.resources.depth(QUEUE_URL) == 0
    assert log.messages("object_missing")


@pytest.mark.parametrize(("operation", "code"), refused(ErrorEffect.DELAY, "Query", "TransactWriteItems"))
def test_settling_that_meets_an_error_is_left_to_the_sweeper(
    env: MotoEnvironment, log: Log, operation: str, code: str
) -> None:
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    env.resources.copy_request(request_id, 1)
    env.transport.fail(operation, code)
    env.trigger.deliver()
    assert env.resources.depth(QUEUE_URL) == 0
    assert env.functions.get(request_id).body["status"] == "completed"
    [line] = log.messages("scanned")
    assert code in line["exception"]
    env.transport.reset()
    assert env.functions.sweep()["settled"] == 2


def test_a_cancelled_transaction_settles_row_by_row(env: MotoEnvironment) -> None:
    env.resources.copy_request(env.functions.submit(image_bytes()).body["request_id"], 1)
    env.transport.fail("TransactWriteItems", "TransactionCanceledException")
    env.trigger.deliver()
    assert env.resources.items(REQUESTS, index="pending_by_image") == []


@pytest.mark.parametrize(("operation", "code"), refused(ErrorEffect.FAILURE, "GetItem", "PutObject", "PutItem"))
def test_a_submission_that_meets_an_error_is_no_request(env: MotoEnvironment, operation: str, code: str) -> None:
    env.transport.fail(operation, code)
    answer = env.functions.submit(image_bytes())
    assert (answer.status, answer.body["code"]) == (500, "internal_error")
    assert env.resources.items(REQUESTS) == []


@pytest.mark.parametrize(("operation", "code"), refused(ErrorEffect.FAILURE, "GetItem"))
def test_asking_that_meets_an_error_is_told_nothing_of_it(env: MotoEnvironment, operation: str, code: str) -> None:
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    env.transport.fail(operation, code)
    answer = env.functions.get(request_id)
    assert answer.status == 500
    assert code not in answer.raw["body"]


@pytest.mark.parametrize(
    ("operation", "code"), refused(ErrorEffect.FAILURE, "Scan", "BatchGetItem", "UpdateItem", "SendMessage")
)
def test_a_sweep_that_meets_an_error_fails_and_the_next_mends_it(
    env: MotoEnvironment, operation: str, code: str
) -> None:
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    env.resources.delete_messages()
    env.pass_time(11 * MINUTE)
    env.transport.fail(operation, code)
    with pytest.raises(ClientError, match=code):
        env.functions.sweep()
    env.transport.reset()
    env.recover()
    assert env.functions.get(request_id).body["status"] == "completed"


@pytest.mark.parametrize(("operation", "code"), refused(ErrorEffect.FAILURE, "ChangeMessageVisibilityBatch"))
def test_a_batch_that_cannot_be_delayed_comes_again_by_itself(env: MotoEnvironment, operation: str, code: str) -> None:
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    env.detector.errors.append((400, "ThrottlingException"))
    env.transport.fail(operation, code)
    with pytest.raises(ClientError, match=code):
        env.trigger.deliver()
    env.transport.reset()
    env.recover()
    assert env.functions.get(request_id).body["status"] == "completed"
