from benchmarks.answers import updated
from benchmarks.queue import BATCH_SIZE, MOST_RECEIVES, Queue, announced, event, failed_in
from imagescan.aws.s3_events import image_keys
from imagescan.aws.scan_queue import messages_from_event


def test_a_batch_is_what_is_visible_and_no_more_than_ten() -> None:
    queue = Queue([announced(number, at=number) for number in range(12)])
    assert [message.id for message in queue.receive(now=3)] == ["m0", "m1", "m2", "m3"]
    assert len(queue.receive(now=20)) == 8
    assert len(Queue([announced(number) for number in range(12)]).receive(now=0)) == BATCH_SIZE


def test_what_did_not_fail_is_done_and_the_rest_comes_again_after_its_delay() -> None:
    queue = Queue([announced(1), announced(2)])
    batch = queue.receive(now=0)
    assert not queue.is_empty
    queue.answer(batch, failed={"m2"}, delays={"m2": 10}, now=5)
    assert [message.id for message in queue.done] == ["m1"]
    assert not queue.has_visible(now=14)
    assert [(message.id, message.receives) for message in queue.receive(now=15)] == [("m2", 2)]


def test_what_was_received_too_often_is_a_dead_letter() -> None:
    queue = Queue([announced(1)])
    for _ in range(MOST_RECEIVES):
        batch = queue.receive(now=0)
        assert len(batch) == 1
        queue.answer(batch, failed={"m1"}, delays={"m1": 0}, now=0)
    assert queue.receive(now=0) == []
    assert [message.id for message in queue.dead] == ["m1"]
    assert queue.is_empty


def test_its_events_are_read_by_the_scanner() -> None:
    queue = Queue([announced(7)])
    [message] = messages_from_event(event(queue.receive(now=0)))
    assert (message.id, message.receipt, message.receives) == ("m7", "m7", 1)
    assert image_keys(message.body) == [f"images/{7:064x}.png"]


def test_the_ids_that_a_scanner_gives_back_are_found() -> None:
    assert failed_in({"batchItemFailures": [{"itemIdentifier": "m1"}]}) == {"m1"}


def test_a_row_is_known_from_the_update_that_wrote_it() -> None:
    asked = {
        "Key": {"image_hash": {"S": "h"}},
        "UpdateExpression": "SET #status = :pending, seen = if_not_exists(seen, :now) ADD attempts :attempt",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":pending": {"S": "pending"}, ":now": {"N": "1"}, ":attempt": {"SS": ["me"]}},
    }
    assert updated(asked) == {
        "image_hash": {"S": "h"},
        "status": {"S": "pending"},
        "seen": {"N": "1"},
        "attempts": {"SS": ["me"]},
    }
