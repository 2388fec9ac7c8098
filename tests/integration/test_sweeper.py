"""The sweeper's handler: what was lost is queued again, what was missed is settled."""

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from imagescan.use_cases.purge_deleted_images import PURGE_DELAY_SECONDS
from testing.functions import image_bytes
from testing.images import png
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of
from testing.resources import IMAGES, QUEUE_URL, REQUESTS

CAT = image_bytes()
PATIENCE = 10 * MINUTE


def lost(env: MotoEnvironment, content: bytes = CAT) -> str:
    """The id of a request whose image's message the queue lost."""
    request_id: str = env.functions.submit(content).body["request_id"]
    env.resources.delete_messages()
    return request_id


def unsettled(env: MotoEnvironment, count: int) -> list[str]:
    """Requests whose image was scanned while the index could not be read."""
    ids = [env.functions.submit(CAT).body["request_id"] for _ in range(count)]
    env.transport.fail("Query", "AccessDeniedException")
    env.trigger.deliver_all()
    env.transport.reset()
    return ids


def test_a_lost_image_is_queued_again_and_answered(env: MotoEnvironment) -> None:
    request_id = lost(env)
    env.pass_time(PATIENCE + 1)
    assert env.functions.sweep() == {
        "waiting": 1, "overdue": 0, "settled": 0, "requeued": 1, "is_complete": True, "images_purged": 0,
    }  # fmt: skip
    env.trigger.deliver_all()
    assert env.functions.get(request_id).body["label_matched"] is True
    assert env.detector.calls == {hash_of(CAT): 1}


def queue_it_again_and_lose_that(env: MotoEnvironment) -> None:
    env.pass_time(PATIENCE + 1)
    env.functions.sweep()
    env.resources.delete_messages()
    env.pass_time(MINUTE)


WAITS: dict[str, Callable[[MotoEnvironment], None]] = {
    "it has not waited long": lambda env: env.pass_time(PATIENCE - 1),
    "it was queued again just now": queue_it_again_and_lose_that,
    "its deadline is over": lambda env: env.pass_time(61 * MINUTE),
}


@pytest.mark.parametrize("case", WAITS)
def test_an_image_is_not_queued_again_while(env: MotoEnvironment, case: str) -> None:
    lost(env)
    WAITS[case](env)
    assert env.functions.sweep()["requeued"] == 0
    assert env.resources.depth(QUEUE_URL) == 0


def test_an_image_is_queued_again_as_often_as_it_is_lost(env: MotoEnvironment) -> None:
    lost(env)
    for _ in range(3):
        env.pass_time(PATIENCE + 1)
        assert env.functions.sweep()["requeued"] == 1
        env.resources.delete_messages()


def test_two_sweeps_queue_an_image_once(env: MotoEnvironment) -> None:
    lost(env)
    env.resources.copy_request(env.functions.accepted[0], 4)
    env.pass_time(PATIENCE + 1)
    assert [env.functions.sweep()["requeued"] for _ in range(2)] == [1, 0]
    assert env.resources.depth(QUEUE_URL) == 1


def test_what_the_scanner_missed_is_settled(env: MotoEnvironment) -> None:
    ids = unsettled(env, 3)
    before = [env.functions.get(request_id).body for request_id in ids]
    assert env.functions.sweep()["settled"] == 3
    assert env.resources.items(REQUESTS, index="pending_by_image") == []
    assert [env.functions.get(request_id).body for request_id in ids] == before


def test_more_than_a_round_of_requests_is_settled(env: MotoEnvironment) -> None:
    unsettled(env, 1)
    env.resources.copy_request(env.functions.accepted[0], 249)
    swept = env.functions.sweep()
    assert (swept["waiting"], swept["settled"], swept["is_complete"]) == (250, 250, True)
    assert env.resources.items(REQUESTS, index="pending_by_image") == []


def test_a_sweep_that_no_time_is_left_for_says_so(env: MotoEnvironment) -> None:
    lost(env)
    swept = env.functions.sweep(seconds=9)
    assert (swept["waiting"], swept["is_complete"]) == (0, False)


def test_images_are_removed_also_when_the_rest_of_the_round_breaks(env: MotoEnvironment) -> None:
    request_id = env.functions.submit(CAT).body["request_id"]
    env.trigger.deliver_all()
    env.functions.delete(request_id)
    env.functions.submit(png(shade=1))
    env.pass_time(PURGE_DELAY_SECONDS + 1)
    env.transport.fail("SendMessage", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        env.functions.sweep()
    assert hash_of(CAT) not in {item["image_hash"]["S"] for item in env.resources.items(IMAGES)}


def test_a_request_past_its_deadline_and_grace_is_settled_as_failed(env: MotoEnvironment) -> None:
    request_id = lost(env)
    env.pass_time(81 * MINUTE)
    swept = env.functions.sweep()
    assert (swept["overdue"], swept["settled"], swept["requeued"]) == (1, 1, 0)
    answer = env.functions.get(request_id).body
    assert (answer["status"], answer["failure"]["code"]) == ("failed", "timed_out")
