"""Every documented error of S3, DynamoDB and SQS, returned to the handlers through the SDK."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from botocore.exceptions import ClientError

from testing.error_contract import CALLS, ErrorEffect
from testing.functions import image_bytes
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of
from testing.resources import QUEUE_URL, REQUESTS
from tests.integration.conftest import Log

KEY = f"images/{hash_of(image_bytes())}.png"


def codes(*operations: str) -> Iterator[tuple[str, str, ErrorEffect]]:
    """Yield each error code of these operations with its effect."""
    for (_, operation), table in CALLS.items():
        if operation in operations:
            yield from ((operation, code, effect) for code, effect in table.items())


def errors_with(effect: ErrorEffect, *operations: str) -> list[tuple[str, str]]:
    return [(operation, code) for operation, code, actual in codes(*operations) if actual is effect]


@pytest.mark.parametrize(("operation", "code"), errors_with(ErrorEffect.FAILURE, "UpdateItem", "GetObject"))
def test_an_error_during_a_scan_makes_its_message_retry(
    env: MotoEnvironment, log: Log, operation: str, code: str
) -> None:
    env.functions.submit(image_bytes())
    env.transport.fail(operation, code)
    env.trigger.deliver()
    assert env.resources.depth(QUEUE_URL) == 1
    assert env.detector.calls.total() == 0
    [line, *_] = log.messages("unexpected_error")
    assert line["level"] == "ERROR"
    assert f"({code})" in line["exception"]
    env.transport.reset()
    env.recover()
    assert env.functions.get(env.functions.accepted[0]).body["status"] == "completed"


def test_an_unreadable_bucket_fails_no_image(env: MotoEnvironment) -> None:
    env.functions.submit(image_bytes())
    env.transport.fail("GetObject", "SlowDown", 503)
    for _ in range(12):
        env.pass_time(2 * MINUTE)
        env.resources.enqueue(KEY)
        env.trigger.deliver()
    env.transport.reset()
    env.recover()
    assert env.functions.get(env.functions.accepted[0]).body["status"] == "completed"
    assert env.detector.calls.total() == 1


@pytest.mark.parametrize(("operation", "code"), errors_with(ErrorEffect.RESULT, "GetObject"))
def test_a_message_for_a_missing_object_is_acknowledged(
    env: MotoEnvironment, log: Log, operation: str, code: str
) -> None:
    env.functions.submit(image_bytes())
    env.transport.fail(operation, code, 404)
    env.trigger.deliver()
    assert env.resources.depth(QUEUE_URL) == 0
    assert log.messages("object_missing")


TOO_LARGE = ("TransactWriteItems", "ValidationException")


def test_requests_that_are_too_large_for_one_transaction_are_settled_one_by_one(env: MotoEnvironment, log: Log) -> None:
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    env.resources.copy_request(request_id, 1)
    env.transport.fail(*TOO_LARGE)
    env.trigger.deliver()
    [line] = log.messages("scanned")
    assert (line["settled"], "exception" in line) == (2, False)


@pytest.mark.parametrize(
    ("operation", "code"),
    [each for each in errors_with(ErrorEffect.DELAY, "Query", "TransactWriteItems") if tuple(each) != TOO_LARGE],
)
def test_an_error_while_settling_is_left_to_the_sweeper(
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


def test_a_cancelled_transaction_is_settled_item_by_item(env: MotoEnvironment) -> None:
    env.resources.copy_request(env.functions.submit(image_bytes()).body["request_id"], 1)
    env.transport.fail("TransactWriteItems", "TransactionCanceledException")
    env.trigger.deliver()
    assert env.resources.items(REQUESTS, index="pending_by_image") == []


@pytest.mark.parametrize(
    ("operation", "code"), errors_with(ErrorEffect.FAILURE, "BatchGetItem", "PutObject", "PutItem")
)
def test_an_error_during_a_submission_stores_no_request(env: MotoEnvironment, operation: str, code: str) -> None:
    env.transport.fail(operation, code)
    response = env.functions.submit(image_bytes())
    assert (response.status, response.body["code"]) == (500, "internal_error")
    assert env.resources.items(REQUESTS) == []


@pytest.mark.parametrize(("operation", "code"), errors_with(ErrorEffect.FAILURE, "GetItem"))
def test_an_error_during_a_get_is_not_disclosed(env: MotoEnvironment, operation: str, code: str) -> None:
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    env.transport.fail(operation, code)
    response = env.functions.get(request_id)
    assert response.status == 500
    assert code not in response.raw["body"]


@pytest.mark.parametrize(
    ("operation", "code"),
    errors_with(ErrorEffect.FAILURE, "GetItem", "Scan", "BatchGetItem", "UpdateItem", "SendMessageBatch"),
)
def test_an_error_during_a_sweep_is_corrected_by_the_next_sweep(
    env: MotoEnvironment, operation: str, code: str
) -> None:
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    env.resources.delete_messages()
    env.pass_time(11 * MINUTE)
    env.transport.fail(operation, code)
    with pytest.raises(ClientError, match=code) if operation == "Scan" else nullcontext():
        assert env.functions.sweep()["failed"] == 1
    env.transport.reset()
    env.recover()
    assert env.functions.get(request_id).body["status"] == "completed"


@pytest.mark.parametrize(("operation", "code"), errors_with(ErrorEffect.FAILURE, "ChangeMessageVisibilityBatch"))
def test_a_batch_that_cannot_be_delayed_is_retried_after_its_visibility_timeout(
    env: MotoEnvironment, operation: str, code: str
) -> None:
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    env.detector.errors.append((400, "ThrottlingException"))
    env.transport.fail(operation, code)
    with pytest.raises(ClientError, match=code):
        env.trigger.deliver()
    env.transport.reset()
    env.recover()
    assert env.functions.get(request_id).body["status"] == "completed"
