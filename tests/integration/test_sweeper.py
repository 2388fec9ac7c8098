"""The handler of the sweeper: it requeues lost images and settles requests that the scanner did not settle."""

from collections.abc import Callable

import pytest

from imagescan.use_cases.sweep import PAGE_SIZE
from testing.functions import image_bytes
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of
from testing.resources import IMAGES, QUEUE_URL, REQUESTS

CAT = image_bytes()
REQUEUE_DELAY = 10 * MINUTE


def submit_and_lose_message(env: MotoEnvironment, content: bytes = CAT) -> str:
    """Submit an image and delete its message. Return the request ID."""
    request_id: str = env.functions.submit(content).body["request_id"]
    env.resources.delete_messages()
    return request_id


def submit_unsettled(env: MotoEnvironment, count: int) -> list[str]:
    """Submit and scan an image while the index cannot be read. Return the IDs of its submit_unsettled requests."""
    ids = [env.functions.submit(CAT).body["request_id"] for _ in range(count)]
    env.transport.fail("Query", "AccessDeniedException")
    env.trigger.deliver_all()
    env.transport.reset()
    return ids


def test_an_image_with_a_lost_message_is_requeued_and_scanned(env: MotoEnvironment) -> None:
    request_id = submit_and_lose_message(env)
    env.pass_time(REQUEUE_DELAY + 1)
    assert env.functions.sweep() == {
        "pending": 1, "overdue": 0, "settled": 0, "requeued": 1, "failed": 0, "is_complete": True,
    }  # fmt: skip
    env.trigger.deliver_all()
    assert env.functions.get(request_id).body["label_matched"] is True
    assert env.detector.calls == {hash_of(CAT): 1}


def requeue_and_lose_message(env: MotoEnvironment) -> None:
    env.pass_time(REQUEUE_DELAY + 1)
    env.functions.sweep()
    env.resources.delete_messages()
    env.pass_time(MINUTE)


NOT_DUE: dict[str, Callable[[MotoEnvironment], None]] = {
    "it was submitted recently": lambda env: env.pass_time(REQUEUE_DELAY - 1),
    "it was requeued recently": requeue_and_lose_message,
    "its deadline has passed": lambda env: env.pass_time(61 * MINUTE),
}


@pytest.mark.parametrize("case", NOT_DUE)
def test_an_image_is_not_requeued_if(env: MotoEnvironment, case: str) -> None:
    submit_and_lose_message(env)
    NOT_DUE[case](env)
    assert env.functions.sweep()["requeued"] == 0
    assert env.resources.depth(QUEUE_URL) == 0


def test_an_image_is_requeued_each_time_its_message_is_lost(env: MotoEnvironment) -> None:
    submit_and_lose_message(env)
    for _ in range(3):
        env.pass_time(REQUEUE_DELAY + 1)
        assert env.functions.sweep()["requeued"] == 1
        env.resources.delete_messages()


def test_two_sweeps_requeue_an_image_once(env: MotoEnvironment) -> None:
    submit_and_lose_message(env)
    env.resources.copy_request(env.functions.accepted[0], 4)
    env.pass_time(REQUEUE_DELAY + 1)
    assert [env.functions.sweep()["requeued"] for _ in range(2)] == [1, 0]
    assert env.resources.depth(QUEUE_URL) == 1


def test_unsettled_requests_are_settled(env: MotoEnvironment) -> None:
    ids = submit_unsettled(env, 3)
    before = [env.functions.get(request_id).body for request_id in ids]
    assert env.functions.sweep()["settled"] == 3
    assert env.resources.items(REQUESTS, index="pending_by_image") == []
    assert [env.functions.get(request_id).body for request_id in ids] == before


def test_requests_on_several_pages_are_settled_in_one_run(env: MotoEnvironment) -> None:
    count = PAGE_SIZE + 10
    submit_unsettled(env, 1)
    env.resources.copy_request(env.functions.accepted[0], count - 1)
    report = env.functions.sweep()
    assert (report["pending"], report["settled"], report["is_complete"]) == (count, count, True)
    assert env.resources.items(REQUESTS, index="pending_by_image") == []


def test_a_sweep_without_time_reports_that_it_is_incomplete(env: MotoEnvironment) -> None:
    submit_and_lose_message(env)
    report = env.functions.sweep(seconds=9)
    assert (report["pending"], report["is_complete"]) == (0, False)


def lose_messages(env: MotoEnvironment, images: int) -> None:
    """Submit images and delete their messages, long enough ago for a requeue. Discard the recorded calls."""
    for shade in range(images):
        env.functions.submit(image_bytes(shade))
    env.resources.delete_messages()
    env.pass_time(REQUEUE_DELAY + 1)
    env.transport.reset()


def test_a_page_with_lost_messages_takes_one_claim_and_one_call_per_ten_messages(env: MotoEnvironment) -> None:
    lose_messages(env, 12)
    assert env.functions.sweep()["requeued"] == 12
    assert env.transport.calls == [
        "GetItem", "Scan", "BatchGetItem", "TransactWriteItems", "SendMessageBatch", "SendMessageBatch",
    ]  # fmt: skip
    assert env.resources.depth(QUEUE_URL) == 12


def test_images_that_were_requeued_recently_take_no_write(env: MotoEnvironment) -> None:
    lose_messages(env, 3)
    env.functions.sweep()
    env.transport.reset()
    assert env.functions.sweep()["requeued"] == 0
    assert env.transport.calls == ["GetItem", "Scan", "BatchGetItem"]


def test_a_malformed_request_does_not_affect_the_others(env: MotoEnvironment) -> None:
    lose_messages(env, 2)
    env.resources.dynamodb.update_item(
        TableName=REQUESTS, Key={"request_id": {"S": env.functions.accepted[0]}}, UpdateExpression="REMOVE labels_asked"
    )
    report = env.functions.sweep()
    assert (report["pending"], report["requeued"], report["failed"], report["is_complete"]) == (2, 1, 1, True)
    env.trigger.deliver_all()
    assert env.functions.get(env.functions.accepted[1]).body["status"] == "completed"


def test_a_malformed_image_does_not_affect_the_others(env: MotoEnvironment) -> None:
    lose_messages(env, 2)
    env.resources.dynamodb.put_item(
        TableName=IMAGES,
        Item={"image_hash": {"S": hash_of(image_bytes(0))}, "status": {"S": "?"}, "finished_at": {"N": "1"}},
    )
    report = env.functions.sweep()
    assert (report["requeued"], report["failed"]) == (1, 1)


def test_a_claim_that_a_concurrent_write_prevents_leaves_the_other_claims(env: MotoEnvironment) -> None:
    lose_messages(env, 3)
    env.transport.fail("TransactWriteItems", "TransactionCanceledException")
    report = env.functions.sweep()
    assert (report["requeued"], report["failed"], env.resources.depth(QUEUE_URL)) == (3, 0, 3)
    assert env.transport.calls.count("UpdateItem") == 3


def test_messages_that_sqs_rejects_are_reported_and_requeued_later(env: MotoEnvironment) -> None:
    lose_messages(env, 1)
    env.transport.fail("SendMessageBatch", "AccessDenied")
    report = env.functions.sweep()
    assert (report["requeued"], report["failed"]) == (0, 1)
    env.transport.reset()
    env.pass_time(REQUEUE_DELAY + 1)
    assert env.functions.sweep()["requeued"] == 1


def test_a_request_past_its_deadline_and_grace_period_is_settled_as_failed(env: MotoEnvironment) -> None:
    request_id = submit_and_lose_message(env)
    env.pass_time(81 * MINUTE)
    report = env.functions.sweep()
    assert (report["overdue"], report["settled"], report["requeued"]) == (1, 1, 0)
    response = env.functions.get(request_id).body
    assert (response["status"], response["failure"]["code"]) == ("failed", "timed_out")
