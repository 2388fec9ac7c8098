"""The sweeper's handler: what was lost is queued again, what was missed is settled."""

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from imagescan.forget import QUIET_SECONDS
from tests.integration.functions import picture
from tests.integration.resources import IMAGES, QUEUE_URL, REQUESTS
from tests.integration.world import MINUTE, World, hash_of
from tests.pictures import png

CAT = picture()
PATIENCE = 10 * MINUTE


def lost(world: World, content: bytes = CAT) -> str:
    """The id of a request whose image's message the queue lost."""
    request_id: str = world.functions.submit(content).body["request_id"]
    world.resources.forget_messages()
    return request_id


def unsettled(world: World, count: int) -> list[str]:
    """Requests whose image was scanned while the index could not be read."""
    ids = [world.functions.submit(CAT).body["request_id"] for _ in range(count)]
    world.wire.fail("Query", "AccessDeniedException")
    world.trigger.deliver_all()
    world.wire.reset()
    return ids


def test_a_lost_image_is_queued_again_and_answered(world: World) -> None:
    request_id = lost(world)
    world.pass_time(PATIENCE + 1)
    assert world.functions.sweep() == {
        "waiting": 1, "overdue": 0, "settled": 0, "queued_again": 1, "is_complete": True, "images_removed": 0,
    }  # fmt: skip
    world.trigger.deliver_all()
    assert world.functions.get(request_id).body["label_matched"] is True
    assert world.detector.calls == {hash_of(CAT): 1}


def queue_it_again_and_lose_that(world: World) -> None:
    world.pass_time(PATIENCE + 1)
    world.functions.sweep()
    world.resources.forget_messages()
    world.pass_time(MINUTE)


WAITS: dict[str, Callable[[World], None]] = {
    "it has not waited long": lambda world: world.pass_time(PATIENCE - 1),
    "it was queued again just now": queue_it_again_and_lose_that,
    "its deadline is over": lambda world: world.pass_time(61 * MINUTE),
}


@pytest.mark.parametrize("case", WAITS)
def test_an_image_is_not_queued_again_while(world: World, case: str) -> None:
    lost(world)
    WAITS[case](world)
    assert world.functions.sweep()["queued_again"] == 0
    assert world.resources.depth(QUEUE_URL) == 0


def test_an_image_is_queued_again_as_often_as_it_is_lost(world: World) -> None:
    lost(world)
    for _ in range(3):
        world.pass_time(PATIENCE + 1)
        assert world.functions.sweep()["queued_again"] == 1
        world.resources.forget_messages()


def test_two_sweeps_queue_an_image_once(world: World) -> None:
    lost(world)
    world.resources.ask_again(world.functions.accepted[0], 4)
    world.pass_time(PATIENCE + 1)
    assert [world.functions.sweep()["queued_again"] for _ in range(2)] == [1, 0]
    assert world.resources.depth(QUEUE_URL) == 1


def test_what_the_scanner_missed_is_settled(world: World) -> None:
    ids = unsettled(world, 3)
    before = [world.functions.get(request_id).body for request_id in ids]
    assert world.functions.sweep()["settled"] == 3
    assert world.resources.rows(REQUESTS, index="pending_by_image") == []
    assert [world.functions.get(request_id).body for request_id in ids] == before


def test_more_than_a_round_of_requests_is_settled(world: World) -> None:
    unsettled(world, 1)
    world.resources.ask_again(world.functions.accepted[0], 249)
    swept = world.functions.sweep()
    assert (swept["waiting"], swept["settled"], swept["is_complete"]) == (250, 250, True)
    assert world.resources.rows(REQUESTS, index="pending_by_image") == []


def test_a_sweep_that_no_time_is_left_for_says_so(world: World) -> None:
    lost(world)
    swept = world.functions.sweep(seconds=9)
    assert (swept["waiting"], swept["is_complete"]) == (0, False)


def test_images_are_removed_also_when_the_rest_of_the_round_breaks(world: World) -> None:
    request_id = world.functions.submit(CAT).body["request_id"]
    world.trigger.deliver_all()
    world.functions.delete(request_id)
    world.functions.submit(png(shade=1))
    world.pass_time(QUIET_SECONDS + 1)
    world.wire.fail("SendMessage", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        world.functions.sweep()
    assert hash_of(CAT) not in {row["image_hash"]["S"] for row in world.resources.rows(IMAGES)}


def test_a_request_past_its_deadline_and_grace_is_settled_as_failed(world: World) -> None:
    request_id = lost(world)
    world.pass_time(81 * MINUTE)
    swept = world.functions.sweep()
    assert (swept["overdue"], swept["settled"], swept["queued_again"]) == (1, 1, 0)
    answer = world.functions.get(request_id).body
    assert (answer["status"], answer["failure"]["code"]) == ("failed", "timed_out")
