"""The in-memory scan queue and the fake of AWS that the benchmarks use."""

from benchmarks.fake_aws import hash_for, updated_item
from benchmarks.queue import BATCH_SIZE, MAX_RECEIVES, Queue, event, failed_in, message_for
from imagescan.aws.scan_queue import messages_from_event


def test_a_batch_contains_at_most_ten_visible_messages() -> None:
    queue = Queue([message_for(number, at=number) for number in range(12)])
    assert [message.id for message in queue.receive(now=3)] == ["m0", "m1", "m2", "m3"]
    assert len(queue.receive(now=20)) == 8
    assert len(Queue([message_for(number) for number in range(12)]).receive(now=0)) == BATCH_SIZE


def test_failed_messages_become_visible_after_their_delay_and_others_are_deleted() -> None:
    queue = Queue([message_for(1), message_for(2)])
    batch = queue.receive(now=0)
    assert not queue.is_empty
    queue.complete(batch, failed={"m2"}, delays={"m2": 10}, now=5)
    assert [message.id for message in queue.done] == ["m1"]
    assert not queue.has_visible(now=14)
    assert [(message.id, message.receives) for message in queue.receive(now=15)] == [("m2", 2)]


def test_a_message_with_too_many_receives_becomes_a_dead_letter() -> None:
    queue = Queue([message_for(1)])
    for _ in range(MAX_RECEIVES):
        batch = queue.receive(now=0)
        assert len(batch) == 1
        queue.complete(batch, failed={"m1"}, delays={"m1": 0}, now=0)
    assert queue.receive(now=0) == []
    assert [message.id for message in queue.dead] == ["m1"]
    assert queue.is_empty


def test_the_scanner_can_parse_the_events_of_the_queue() -> None:
    queue = Queue([message_for(7)])
    [message] = messages_from_event(event(queue.receive(now=0)))
    assert (message.id, message.receipt, message.receives) == ("m7", "m7", 1)
    assert list(message.keys) == [f"images/{hash_for(7)}.png"]


def test_failed_message_ids_are_read_from_the_result() -> None:
    assert failed_in({"batchItemFailures": [{"itemIdentifier": "m1"}]}) == {"m1"}


def test_the_item_is_derived_from_the_update_that_creates_it() -> None:
    parameters = {
        "Key": {"image_hash": {"S": "h"}},
        "UpdateExpression": "SET #status = :pending, seen = if_not_exists(seen, :now) ADD attempts :attempt",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":pending": {"S": "pending"}, ":now": {"N": "1"}, ":attempt": {"SS": ["me"]}},
    }
    assert updated_item(parameters) == {
        "image_hash": {"S": "h"},
        "status": {"S": "pending"},
        "seen": {"N": "1"},
        "attempts": {"SS": ["me"]},
    }
