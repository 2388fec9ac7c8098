"""What each use case costs, in calls to AWS as they go over the wire."""

import pytest

from tests.integration.functions import picture
from tests.integration.resources import REQUESTS
from tests.integration.world import World, hash_of

KEY = f"images/{hash_of(picture())}.png"


def submitted(world: World, times: int = 1) -> str:
    request_id: str = world.functions.submit(picture()).body["request_id"]
    world.resources.ask_again(request_id, times - 1)
    return request_id


def announced_again(world: World, waiting: int) -> None:
    """A scanned image, for which so many still wait: their rows were written while it was being scanned."""
    request_id = submitted(world)
    [row] = world.resources.rows(REQUESTS)
    world.trigger.deliver_all()
    if waiting:
        world.resources.dynamodb.put_item(TableName=REQUESTS, Item=row)
        world.resources.ask_again(request_id, waiting - 1)
    world.resources.announce(KEY)


def test_submitting_a_new_image_takes_three_calls(world: World) -> None:
    submitted(world)
    assert world.wire.calls == ["GetItem", "PutObject", "PutItem"]


def test_submitting_a_known_image_takes_two_calls(world: World) -> None:
    submitted(world)
    world.trigger.deliver_all()
    world.wire.reset()
    submitted(world)
    assert world.wire.calls == ["GetItem", "PutItem"]


def test_asking_takes_two_calls_and_one_once_it_is_settled(world: World) -> None:
    request_id = submitted(world)
    world.wire.reset()
    world.functions.get(request_id)
    assert world.wire.calls == ["GetItem", "GetItem"]
    world.trigger.deliver_all()
    world.wire.reset()
    world.functions.get(request_id)
    assert world.wire.calls == ["GetItem"]


@pytest.mark.parametrize(("waiting", "settling"), [(1, 1), (10, 1), (25, 1), (26, 2), (100, 4)])
def test_a_scan_takes_five_calls_and_one_for_every_25_that_wait(world: World, waiting: int, settling: int) -> None:
    submitted(world, waiting)
    world.wire.reset()
    world.trigger.deliver_all()
    assert world.wire.calls[:5] == ["UpdateItem", "HeadObject", "DetectLabels", "UpdateItem", "Query"]
    assert len(world.wire.calls) == 5 + settling


@pytest.mark.parametrize(("waiting", "settling"), [(0, 0), (1, 1), (100, 4)])
def test_meeting_a_scanned_image_takes_two_calls(world: World, waiting: int, settling: int) -> None:
    announced_again(world, waiting)
    world.wire.reset()
    world.trigger.deliver_all()
    assert world.wire.calls[:2] == ["UpdateItem", "Query"]
    assert len(world.wire.calls) == 2 + settling


def test_a_batch_of_ten_copies_takes_the_calls_of_one(world: World) -> None:
    submitted(world)
    for _ in range(9):
        world.resources.announce(KEY)
    world.wire.reset()
    assert world.trigger.deliver() == 10
    assert len(world.wire.calls) == 6
