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

from imagescan.use_cases.purge_deleted_images import PURGE_DELAY_SECONDS
from testing.fake_rekognition import label
from testing.functions import image_bytes
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of
from testing.moto_environments import MakeEnvironment
from testing.recording_transport import InjectedFault, Killed
from testing.resources import BUCKET, DEAD_LETTER_QUEUE_URL, IMAGES, QUEUE_URL, REQUESTS

A_CAT, A_CAR, DAMAGED = image_bytes(0), image_bytes(1), image_bytes(2)
SEEN = {hash_of(A_CAT): [label("Cat", 97.0)], hash_of(A_CAR): [label("Car", 96.0)]}
KEY = f"images/{hash_of(A_CAT)}.png"
THROTTLED = (400, "ThrottlingException")

type Act = Callable[[MotoEnvironment], object]


@dataclass(frozen=True)
class UseCase:
    """``act`` is where the process dies, in the world as ``prepare`` left it.

    ``ends`` says how its requests must end: by a status, or by the code of a failure.
    """

    name: str
    prepare: Act
    act: Act
    ends: str = "completed"


def nothing(_: MotoEnvironment) -> None: ...


def a_cat(env: MotoEnvironment) -> None:
    env.functions.submit(A_CAT)


def deliver(env: MotoEnvironment) -> None:
    env.trigger.deliver_all()


def announce_a_cat(env: MotoEnvironment) -> None:
    env.functions.post({"sha256": hash_of(A_CAT), "size": len(A_CAT), "fileType": "image/png"})


def a_cat_that_came_straight_to_the_bucket(env: MotoEnvironment) -> None:
    announce_a_cat(env)
    metadata = {"request-id": env.functions.accepted[0]}
    env.resources.s3.put_object(Bucket=BUCKET, Key=KEY, Body=A_CAT, Metadata=metadata)


def sweep(env: MotoEnvironment) -> None:
    env.functions.sweep()


def thirty_cats(env: MotoEnvironment) -> None:
    """More than one call can settle."""
    a_cat(env)
    env.resources.copy_request(env.functions.accepted[0], 29)


def a_cat_and_a_car(env: MotoEnvironment) -> None:
    a_cat(env)
    env.functions.submit(A_CAR)


def a_known_cat(env: MotoEnvironment) -> None:
    a_cat(env)
    deliver(env)


def a_damaged_image(env: MotoEnvironment) -> None:
    env.functions.submit(DAMAGED)


def a_cat_while_rekognition_throttles(env: MotoEnvironment) -> None:
    a_cat(env)
    env.detector.errors.append(THROTTLED)


def a_cat_whose_upload_is_announced_twice(env: MotoEnvironment) -> None:
    a_known_cat(env)
    env.resources.enqueue(KEY)


def a_cat_whose_bytes_are_gone(env: MotoEnvironment) -> None:
    a_cat(env)
    env.resources.s3.delete_object(Bucket=BUCKET, Key=KEY)


def a_cat_whose_message_is_lost(env: MotoEnvironment) -> None:
    a_cat(env)
    env.resources.delete_messages()
    env.pass_time(11 * MINUTE)


def cats_that_were_not_settled(env: MotoEnvironment) -> None:
    thirty_cats(env)
    env.transport.fail("Query", "AccessDeniedException")
    deliver(env)


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
    UseCase("ask how requests stand", a_cat_and_a_car, MotoEnvironment.requests),
]


@pytest.mark.parametrize("use_case", USE_CASES, ids=lambda use_case: use_case.name)
@pytest.mark.parametrize("fault", InjectedFault)
def test_no_request_is_lost_or_wrongly_answered_whichever_call(
    make_environment: MakeEnvironment, use_case: UseCase, fault: InjectedFault, subtests: pytest.Subtests
) -> None:
    calls, undisturbed = _run(make_environment, use_case, {})
    assert calls
    for position, call in enumerate(calls):
        with subtests.test(f"{fault} {call} ({position + 1} of {len(calls)})"):
            _, disturbed = _run(make_environment, use_case, {position: fault})
            assert disturbed <= undisturbed + 1


def delete_the_cat(env: MotoEnvironment) -> None:
    env.functions.delete(env.functions.accepted[0])


def a_deleted_cat_after_the_quiet_time(env: MotoEnvironment) -> None:
    a_known_cat(env)
    delete_the_cat(env)
    env.pass_time(PURGE_DELAY_SECONDS + 1)


@pytest.mark.parametrize(
    ("prepare", "act"),
    [(a_known_cat, delete_the_cat), (a_deleted_cat_after_the_quiet_time, sweep)],
    ids=["delete a request", "remove its image"],
)
@pytest.mark.parametrize("fault", InjectedFault)
def test_a_deletion_that_is_cut_short_is_finished_by_the_next(
    make_environment: MakeEnvironment, prepare: Act, act: Act, fault: InjectedFault, subtests: pytest.Subtests
) -> None:
    for position in range(_calls_of(make_environment, prepare, act)):
        with subtests.test(f"{fault} call {position + 1}"), make_environment() as env:
            prepare(env)
            env.transport.inject({position: fault})
            with suppress(ClientError):
                _until_death(act, env)
            env.transport.reset()
            delete_the_cat(env)
            env.pass_time(PURGE_DELAY_SECONDS + 1)
            sweep(env)
            assert env.resources.items(REQUESTS) == env.resources.items(IMAGES) == []
            assert env.resources.s3.list_object_versions(Bucket=BUCKET).get("Versions", []) == []


def _calls_of(make_environment: MakeEnvironment, prepare: Act, act: Act) -> int:
    with make_environment() as env:
        prepare(env)
        env.transport.reset()
        act(env)
        assert env.transport.calls
        return len(env.transport.calls)


@pytest.mark.parametrize("fault", [InjectedFault.KILL_BEFORE, InjectedFault.KILL_AFTER])
def test_two_crashes_cost_two_extra_calls_at_most(
    make_environment: MakeEnvironment, fault: InjectedFault, subtests: pytest.Subtests
) -> None:
    calls, undisturbed = _run(make_environment, USE_CASES[2], {})
    for first, second in product(range(len(calls)), repeat=2):
        with subtests.test(f"{fault} {calls[first]}, then {fault} call {second + 1} of the next delivery"):
            _, disturbed = _run(make_environment, USE_CASES[2], {first: fault, first + 1 + second: fault})
            assert disturbed <= undisturbed + 2


def _run(
    make_environment: MakeEnvironment, use_case: UseCase, faults: dict[int, InjectedFault]
) -> tuple[list[str], int]:
    """The calls that the use case made, and how many detections of one image were paid for in all."""
    with make_environment() as env:
        env.detector.labels, env.detector.unreadable = SEEN, {hash_of(DAMAGED)}
        use_case.prepare(env)
        env.transport.inject(faults)
        _until_death(use_case.act, env)
        calls = list(env.transport.calls)
        while not _until_death(MotoEnvironment.recover, env):
            pass
        env.transport.reset()
        _assert_a_good_end(env, use_case.ends)
        return calls, max(env.detector.calls.values(), default=0)


def _until_death(act: Act, env: MotoEnvironment) -> bool:
    """Whether the process lived through it."""
    try:
        act(env)
    except Killed:
        return False
    return True


def _assert_a_good_end(env: MotoEnvironment, ends: str) -> None:
    stored = env.requests()
    assert {request["request_id"] for request in stored} >= set(env.functions.accepted)
    assert [request for request in stored if not _is_right(request, ends)] == []
    assert env.resources.items(REQUESTS, index="pending_by_image") == []
    assert env.resources.depth(QUEUE_URL) == env.resources.depth(DEAD_LETTER_QUEUE_URL) == 0


def _is_right(request: dict[str, Any], ends: str) -> bool:
    """Answered by the labels of its own bytes (everybody asks for a cat), or failed for the reason that is known."""
    if request["status"] != "completed":
        return bool(request["failure"]["code"] == ends)
    is_cat = request["image_hash"] == hash_of(A_CAT)
    return ends == "completed" and request["label_matched"] is is_cat
