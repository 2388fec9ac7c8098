"""Every documented error of S3, DynamoDB and SQS, met by the handlers through the SDK."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tests.error_contract import CALLS, Becomes
from tests.integration.conftest import Log
from tests.integration.functions import picture
from tests.integration.resources import BUCKET, QUEUE_URL, REQUESTS
from tests.integration.world import MINUTE, World, hash_of

KEY = f"images/{hash_of(picture())}.png"


def codes(*operations: str) -> Iterator[tuple[str, str, Becomes]]:
    """Each code of these operations with what becomes of it."""
    for (_, operation), table in CALLS.items():
        if operation in operations:
            yield from ((operation, code, becomes) for code, becomes in table.items())


def refused(becomes: Becomes, *operations: str) -> list[tuple[str, str]]:
    return [(operation, code) for operation, code, becoming in codes(*operations) if becoming is becomes]


def uploaded_without_a_checksum(world: World) -> None:
    world.functions.submit(picture())
    world.resources.s3.put_object(Bucket=BUCKET, Key=KEY, Body=picture())


@pytest.mark.parametrize(("operation", "code"), refused(Becomes.A_FAILURE, "UpdateItem", "HeadObject", "GetObject"))
def test_a_scan_that_meets_an_error_brings_its_message_back(world: World, log: Log, operation: str, code: str) -> None:
    uploaded_without_a_checksum(world)
    world.wire.fail(operation, code)
    world.trigger.deliver()
    assert world.resources.depth(QUEUE_URL) == 2
    assert world.detector.calls.total() == 0
    [line, *_] = log.said("broken")
    assert line["level"] == "ERROR"
    assert f"({code})" in line["exception"]
    world.wire.reset()
    world.recover()
    assert world.functions.get(world.functions.accepted[0]).body["status"] == "completed"


@pytest.mark.parametrize("operation", ["HeadObject", "GetObject"])
def test_a_bucket_that_cannot_be_read_for_hours_fails_no_image(world: World, operation: str) -> None:
    uploaded_without_a_checksum(world)
    world.wire.fail(operation, "SlowDown", 503)
    for _ in range(12):
        world.pass_time(2 * MINUTE)
        world.resources.announce(KEY)
        world.trigger.deliver()
    world.wire.reset()
    world.recover()
    assert world.functions.get(world.functions.accepted[0]).body["status"] == "completed"
    assert world.detector.calls.total() == 1


@pytest.mark.parametrize(("operation", "code"), refused(Becomes.AN_ANSWER, "HeadObject"))
def test_an_object_that_is_gone_leaves_nothing_to_do(world: World, log: Log, operation: str, code: str) -> None:
    world.functions.submit(picture())
    world.wire.fail(operation, code, 404)
    world.trigger.deliver()
    assert world.resources.depth(QUEUE_URL) == 0
    assert log.said("gone")


@pytest.mark.parametrize(("operation", "code"), refused(Becomes.A_DELAY, "Query", "TransactWriteItems"))
def test_settling_that_meets_an_error_is_left_to_the_sweeper(world: World, log: Log, operation: str, code: str) -> None:
    request_id = world.functions.submit(picture()).body["request_id"]
    world.resources.ask_again(request_id, 1)
    world.wire.fail(operation, code)
    world.trigger.deliver()
    assert world.resources.depth(QUEUE_URL) == 0
    assert world.functions.get(request_id).body["status"] == "completed"
    [line] = log.said("scanned")
    assert code in line["exception"]
    world.wire.reset()
    assert world.functions.sweep()["settled"] == 2


def test_a_cancelled_transaction_settles_row_by_row(world: World) -> None:
    world.resources.ask_again(world.functions.submit(picture()).body["request_id"], 1)
    world.wire.fail("TransactWriteItems", "TransactionCanceledException")
    world.trigger.deliver()
    assert world.resources.rows(REQUESTS, index="pending_by_image") == []


@pytest.mark.parametrize(("operation", "code"), refused(Becomes.A_FAILURE, "GetItem", "PutObject", "PutItem"))
def test_a_submission_that_meets_an_error_is_no_request(world: World, operation: str, code: str) -> None:
    world.wire.fail(operation, code)
    answer = world.functions.submit(picture())
    assert (answer.status, answer.body["code"]) == (500, "internal_error")
    assert world.resources.rows(REQUESTS) == []


@pytest.mark.parametrize(("operation", "code"), refused(Becomes.A_FAILURE, "GetItem"))
def test_asking_that_meets_an_error_is_told_nothing_of_it(world: World, operation: str, code: str) -> None:
    request_id = world.functions.submit(picture()).body["request_id"]
    world.wire.fail(operation, code)
    answer = world.functions.get(request_id)
    assert answer.status == 500
    assert code not in answer.raw["body"]


@pytest.mark.parametrize(
    ("operation", "code"), refused(Becomes.A_FAILURE, "Scan", "BatchGetItem", "UpdateItem", "SendMessage")
)
def test_a_sweep_that_meets_an_error_fails_and_the_next_mends_it(world: World, operation: str, code: str) -> None:
    request_id = world.functions.submit(picture()).body["request_id"]
    world.resources.forget_messages()
    world.pass_time(11 * MINUTE)
    world.wire.fail(operation, code)
    with pytest.raises(ClientError, match=code):
        world.functions.sweep()
    world.wire.reset()
    world.recover()
    assert world.functions.get(request_id).body["status"] == "completed"


@pytest.mark.parametrize(("operation", "code"), refused(Becomes.A_FAILURE, "ChangeMessageVisibilityBatch"))
def test_a_batch_that_cannot_be_delayed_comes_again_by_itself(world: World, operation: str, code: str) -> None:
    request_id = world.functions.submit(picture()).body["request_id"]
    world.detector.errors.append((400, "ThrottlingException"))
    world.wire.fail(operation, code)
    with pytest.raises(ClientError, match=code):
        world.trigger.deliver()
    world.wire.reset()
    world.recover()
    assert world.functions.get(request_id).body["status"] == "completed"
