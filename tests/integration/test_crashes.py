"""Every AWS call of every use case, and what becomes of its requests when the process dies just before or after it.

The positions are those of a run without faults, so a call that is added to the code is covered by itself.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from botocore.exceptions import ClientError

from imagescan.forget import QUIET_SECONDS
from tests.integration.functions import picture
from tests.integration.rekognition_double import label
from tests.integration.resources import BUCKET, DEAD_LETTERS_URL, IMAGES, QUEUE_URL, REQUESTS
from tests.integration.wire import Died, Mishap
from tests.integration.world import MINUTE, World, hash_of
from tests.integration.worlds import Worlds

A_CAT, A_CAR, DAMAGED = picture(0), picture(1), picture(2)
SEEN = {hash_of(A_CAT): [label("Cat", 97.0)], hash_of(A_CAR): [label("Car", 96.0)]}
KEY = f"images/{hash_of(A_CAT)}.png"
THROTTLED = (400, "ThrottlingException")

type Act = Callable[[World], object]


@dataclass(frozen=True)
class UseCase:
    """``act`` is where the process dies, in the world as ``prepare`` left it.

    ``ends`` says how its requests must end: by a status, or by the code of a failure.
    """

    name: str
    prepare: Act
    act: Act
    ends: str = "completed"


def nothing(_: World) -> None: ...


def a_cat(world: World) -> None:
    world.functions.submit(A_CAT)


def deliver(world: World) -> None:
    world.trigger.deliver_all()


def announce_a_cat(world: World) -> None:
    world.functions.post({"sha256": hash_of(A_CAT), "size": len(A_CAT), "fileType": "image/png"})


def a_cat_that_came_straight_to_the_bucket(world: World) -> None:
    announce_a_cat(world)
    metadata = {"request-id": world.functions.accepted[0]}
    world.resources.s3.put_object(Bucket=BUCKET, Key=KEY, Body=A_CAT, Metadata=metadata)


def sweep(world: World) -> None:
    world.functions.sweep()


def thirty_cats(world: World) -> None:
    """More than one call can settle."""
    a_cat(world)
    world.resources.ask_again(world.functions.accepted[0], 29)


def a_cat_and_a_car(world: World) -> None:
    a_cat(world)
    world.functions.submit(A_CAR)


def a_known_cat(world: World) -> None:
    a_cat(world)
    deliver(world)


def a_damaged_image(world: World) -> None:
    world.functions.submit(DAMAGED)


def a_cat_while_rekognition_throttles(world: World) -> None:
    a_cat(world)
    world.detector.errors.append(THROTTLED)


def a_cat_whose_upload_is_announced_twice(world: World) -> None:
    a_known_cat(world)
    world.resources.announce(KEY)


def a_cat_whose_bytes_are_gone(world: World) -> None:
    a_cat(world)
    world.resources.s3.delete_object(Bucket=BUCKET, Key=KEY)


def a_cat_whose_message_is_lost(world: World) -> None:
    a_cat(world)
    world.resources.forget_messages()
    world.pass_time(11 * MINUTE)


def cats_that_were_not_settled(world: World) -> None:
    thirty_cats(world)
    world.wire.fail("Query", "AccessDeniedException")
    deliver(world)


USE_CASES = [
    UseCase("submit a new image", nothing, a_cat),
    UseCase("submit a known image", a_known_cat, a_cat),
    UseCase("scan a new image", a_cat, deliver),
    UseCase("scan an image that thirty wait for", thirty_cats, deliver),
    UseCase("announce an image", nothing, announce_a_cat, ends="never_uploaded"),
    UseCase("scan a direct upload", a_cat_that_came_straight_to_the_bucket, deliver),
    UseCase("scan a damaged image", a_damaged_image, deliver, ends="image_invalid"),
    UseCase("scan while Rekognition throttles", a_cat_while_rekognition_throttles, deliver),
    UseCase("meet a scanned image", a_cat_whose_upload_is_announced_twice, deliver),
    UseCase("meet an image that is gone", a_cat_whose_bytes_are_gone, deliver, ends="timed_out"),
    UseCase("sweep up a lost message", a_cat_whose_message_is_lost, sweep),
    UseCase("sweep up what was not settled", cats_that_were_not_settled, sweep),
    UseCase("ask how requests stand", a_cat_and_a_car, World.requests),
]


@pytest.mark.parametrize("use_case", USE_CASES, ids=lambda use_case: use_case.name)
@pytest.mark.parametrize("mishap", Mishap)
def test_no_request_is_lost_or_wrongly_answered_whichever_call(
    worlds: Worlds, use_case: UseCase, mishap: Mishap, subtests: pytest.Subtests
) -> None:
    calls, undisturbed = _run(worlds, use_case, {})
    assert calls
    for position, call in enumerate(calls):
        with subtests.test(f"{mishap} {call} ({position + 1} of {len(calls)})"):
            _, disturbed = _run(worlds, use_case, {position: mishap})
            assert disturbed <= undisturbed + 1


def delete_the_cat(world: World) -> None:
    world.functions.delete(world.functions.accepted[0])


def a_deleted_cat_after_the_quiet_time(world: World) -> None:
    a_known_cat(world)
    delete_the_cat(world)
    world.pass_time(QUIET_SECONDS + 1)


@pytest.mark.parametrize(
    ("prepare", "act"),
    [(a_known_cat, delete_the_cat), (a_deleted_cat_after_the_quiet_time, sweep)],
    ids=["delete a request", "remove its image"],
)
@pytest.mark.parametrize("mishap", Mishap)
def test_a_deletion_that_is_cut_short_is_finished_by_the_next(
    worlds: Worlds, prepare: Act, act: Act, mishap: Mishap, subtests: pytest.Subtests
) -> None:
    for position in range(_calls_of(worlds, prepare, act)):
        with subtests.test(f"{mishap} call {position + 1}"), worlds() as world:
            prepare(world)
            world.wire.plan({position: mishap})
            with suppress(ClientError):
                _until_death(act, world)
            world.wire.reset()
            delete_the_cat(world)
            world.pass_time(QUIET_SECONDS + 1)
            sweep(world)
            assert world.resources.rows(REQUESTS) == world.resources.rows(IMAGES) == []
            assert world.resources.s3.list_object_versions(Bucket=BUCKET).get("Versions", []) == []


def _calls_of(worlds: Worlds, prepare: Act, act: Act) -> int:
    with worlds() as world:
        prepare(world)
        world.wire.reset()
        act(world)
        assert world.wire.calls
        return len(world.wire.calls)


@pytest.mark.parametrize("mishap", [Mishap.DIES_BEFORE, Mishap.DIES_AFTER])
def test_two_crashes_cost_two_extra_calls_at_most(worlds: Worlds, mishap: Mishap, subtests: pytest.Subtests) -> None:
    calls, undisturbed = _run(worlds, USE_CASES[2], {})
    for first, second in product(range(len(calls)), repeat=2):
        with subtests.test(f"{mishap} {calls[first]}, then {mishap} call {second + 1} of the next delivery"):
            _, disturbed = _run(worlds, USE_CASES[2], {first: mishap, first + 1 + second: mishap})
            assert disturbed <= undisturbed + 2


def _run(worlds: Worlds, use_case: UseCase, mishaps: dict[int, Mishap]) -> tuple[list[str], int]:
    """The calls that the use case made, and how many detections of one image were paid for in all."""
    with worlds() as world:
        world.detector.shows, world.detector.damaged = SEEN, {hash_of(DAMAGED)}
        use_case.prepare(world)
        world.wire.plan(mishaps)
        _until_death(use_case.act, world)
        calls = list(world.wire.calls)
        while not _until_death(World.recover, world):
            pass
        world.wire.reset()
        _assert_a_good_end(world, use_case.ends)
        return calls, max(world.detector.calls.values(), default=0)


def _until_death(act: Act, world: World) -> bool:
    """Whether the process lived through it."""
    try:
        act(world)
    except Died:
        return False
    return True


def _assert_a_good_end(world: World, ends: str) -> None:
    stored = world.requests()
    assert {request["request_id"] for request in stored} >= set(world.functions.accepted)
    assert [request for request in stored if not _is_right(request, ends)] == []
    assert world.resources.rows(REQUESTS, index="pending_by_image") == []
    assert world.resources.depth(QUEUE_URL) == world.resources.depth(DEAD_LETTERS_URL) == 0


def _is_right(request: dict[str, Any], ends: str) -> bool:
    """Answered by the labels of its own bytes (everybody asks for a cat), or failed for the reason that is known."""
    if request["status"] != "completed":
        return bool(request["failure"]["code"] == ends)
    is_cat = request["image_hash"] == hash_of(A_CAT)
    return ends == "completed" and request["label_matched"] is is_cat
