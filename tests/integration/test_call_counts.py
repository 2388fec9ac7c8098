"""What each use case costs, in calls to AWS as they go over the transport."""

import pytest

from testing.functions import image_bytes
from testing.moto_environment import MotoEnvironment, hash_of
from testing.resources import REQUESTS

KEY = f"images/{hash_of(image_bytes())}.png"


def submitted(env: MotoEnvironment, times: int = 1) -> str:
    request_id: str = env.functions.submit(image_bytes()).body["request_id"]
    env.resources.copy_request(request_id, times - 1)
    return request_id


def announced_again(env: MotoEnvironment, waiting: int) -> None:
    """A scanned image, for which so many still wait: their items were written while it was being scanned."""
    request_id = submitted(env)
    [item] = env.resources.items(REQUESTS)
    env.trigger.deliver_all()
    if waiting:
        env.resources.dynamodb.put_item(TableName=REQUESTS, Item=item)
        env.resources.copy_request(request_id, waiting - 1)
    env.resources.enqueue(KEY)


def test_submitting_a_new_image_takes_three_calls(env: MotoEnvironment) -> None:
    submitted(env)
    assert env.transport.calls == ["GetItem", "PutObject", "PutItem"]


def test_submitting_a_known_image_takes_two_calls(env: MotoEnvironment) -> None:
    submitted(env)
    env.trigger.deliver_all()
    env.transport.reset()
    submitted(env)
    assert env.transport.calls == ["GetItem", "PutItem"]


def test_asking_takes_two_calls_and_one_once_it_is_settled(env: MotoEnvironment) -> None:
    request_id = submitted(env)
    env.transport.reset()
    env.functions.get(request_id)
    assert env.transport.calls == ["GetItem", "GetItem"]
    env.trigger.deliver_all()
    env.transport.reset()
    env.functions.get(request_id)
    assert env.transport.calls == ["GetItem"]


@pytest.mark.parametrize(("waiting", "settling"), [(1, 1), (10, 1), (25, 1), (26, 2), (100, 4)])
def test_a_scan_takes_five_calls_and_one_for_every_25_that_wait(
    env: MotoEnvironment, waiting: int, settling: int
) -> None:
    submitted(env, waiting)
    env.transport.reset()
    env.trigger.deliver_all()
    assert env.transport.calls[:5] == ["UpdateItem", "HeadObject", "DetectLabels", "UpdateItem", "Query"]
    assert len(env.transport.calls) == 5 + settling


@pytest.mark.parametrize(("waiting", "settling"), [(0, 0), (1, 1), (100, 4)])
def test_meeting_a_scanned_image_takes_two_calls(env: MotoEnvironment, waiting: int, settling: int) -> None:
    announced_again(env, waiting)
    env.transport.reset()
    env.trigger.deliver_all()
    assert env.transport.calls[:2] == ["UpdateItem", "Query"]
    assert len(env.transport.calls) == 2 + settling


def test_a_batch_of_ten_copies_takes_the_calls_of_one(env: MotoEnvironment) -> None:
    submitted(env)
    for _ in range(9):
        env.resources.enqueue(KEY)
    env.transport.reset()
    assert env.trigger.deliver() == 10
    assert len(env.transport.calls) == 6
