"""Number of AWS calls of each use case, counted at the transport level."""

import pytest

from testing.moto_environment import MotoEnvironment
from testing.preparation import KEY, enqueue_scanned_image, submit_image


def test_submit_of_a_new_image_makes_three_calls(env: MotoEnvironment) -> None:
    submit_image(env)
    assert env.transport.calls == ["BatchGetItem", "PutObject", "PutItem"]


def test_submit_of_a_known_image_makes_two_calls(env: MotoEnvironment) -> None:
    submit_image(env)
    env.trigger.deliver_all()
    env.transport.reset()
    submit_image(env)
    assert env.transport.calls == ["BatchGetItem", "PutItem"]


def test_get_makes_two_calls_while_pending_and_one_when_settled(env: MotoEnvironment) -> None:
    request_id = submit_image(env)
    env.transport.reset()
    env.functions.get(request_id)
    assert env.transport.calls == ["GetItem", "GetItem"]
    env.trigger.deliver_all()
    env.transport.reset()
    env.functions.get(request_id)
    assert env.transport.calls == ["GetItem"]


@pytest.mark.parametrize(("pending", "settling"), [(1, 1), (10, 1), (25, 1), (26, 2), (100, 4)])
def test_a_scan_makes_eight_calls_and_one_per_25_pending_requests(
    env: MotoEnvironment, pending: int, settling: int
) -> None:
    submit_image(env, pending)
    env.transport.reset()
    env.trigger.deliver_all()
    assert env.transport.calls[:8] == [
        "UpdateItem",
        "GetObject",
        "GetItem",
        "UpdateItem",
        "DetectLabels",
        "UpdateItem",
        "UpdateItem",
        "Query",
    ]
    assert len(env.transport.calls) == 8 + settling


@pytest.mark.parametrize(("pending", "settling"), [(0, 0), (1, 1), (100, 4)])
def test_a_duplicate_delivery_makes_two_calls_and_one_per_25_pending_requests(
    env: MotoEnvironment, pending: int, settling: int
) -> None:
    enqueue_scanned_image(env, pending)
    env.transport.reset()
    env.trigger.deliver_all()
    assert env.transport.calls[:2] == ["UpdateItem", "Query"]
    assert len(env.transport.calls) == 2 + settling


def test_a_batch_of_ten_duplicates_makes_the_calls_of_one(env: MotoEnvironment) -> None:
    submit_image(env)
    for _ in range(9):
        env.resources.enqueue(KEY)
    env.transport.reset()
    assert env.trigger.deliver() == 10
    assert len(env.transport.calls) == 9
