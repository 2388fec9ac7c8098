"""Kill the process before and after each AWS call of each use case, and check the outcome of its requests.

A run without faults determines the calls, so new calls in the code are covered automatically.
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
from testing.image_variants import with_text_chunk
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of
from testing.moto_environments import MakeEnvironment
from testing.recording_transport import InjectedFault, Killed
from testing.resources import BUCKET, DEAD_LETTER_QUEUE_URL, IMAGES, QUEUE_URL, REQUESTS

CAT_IMAGE, CAR_IMAGE, UNREADABLE_IMAGE = image_bytes(0), image_bytes(1), image_bytes(2)
CAT_COPY = with_text_chunk(CAT_IMAGE)  # with the same content
LABELS = {hash_of(CAT_IMAGE): [label("Cat", 97.0)], hash_of(CAR_IMAGE): [label("Car", 96.0)]}
KEY = f"images/{hash_of(CAT_IMAGE)}.png"
THROTTLED = (400, "ThrottlingException")

type Act = Callable[[MotoEnvironment], object]


@dataclass(frozen=True)
class UseCase:
    """``act`` is the step in which the process is killed, after ``prepare``.

    ``outcome`` is the expected outcome of its requests: a status or the code of a failure.
    """

    name: str
    prepare: Act
    act: Act
    outcome: str = "completed"


def do_nothing(_: MotoEnvironment) -> None: ...


def submit_cat(env: MotoEnvironment) -> None:
    env.functions.submit(CAT_IMAGE)


def deliver(env: MotoEnvironment) -> None:
    env.trigger.deliver_all()


BY_HASH = {"sha256": hash_of(CAT_IMAGE), "size": len(CAT_IMAGE), "fileType": "image/png"}


def submit_cat_by_hash(env: MotoEnvironment) -> None:
    env.functions.post(BY_HASH)


def upload_cat_directly(env: MotoEnvironment) -> None:
    env.upload(CAT_IMAGE, env.functions.post(BY_HASH).body)


def sweep(env: MotoEnvironment) -> None:
    env.functions.sweep()


def purge(env: MotoEnvironment) -> None:
    env.functions.purge()


def submit_thirty_cats(env: MotoEnvironment) -> None:
    """Submit more requests than one call can settle."""
    submit_cat(env)
    env.resources.copy_request(env.functions.accepted[0], 29)


def submit_cat_and_car(env: MotoEnvironment) -> None:
    submit_cat(env)
    env.functions.submit(CAR_IMAGE)


def scan_cat(env: MotoEnvironment) -> None:
    submit_cat(env)
    deliver(env)


def submit_unreadable_image(env: MotoEnvironment) -> None:
    env.functions.submit(UNREADABLE_IMAGE)


def submit_cat_while_throttled(env: MotoEnvironment) -> None:
    submit_cat(env)
    env.detector.errors.append(THROTTLED)


def duplicate_scan_message(env: MotoEnvironment) -> None:
    scan_cat(env)
    env.resources.enqueue(KEY)


def submit_copy(env: MotoEnvironment) -> None:
    env.functions.submit(CAT_COPY)


def scan_cat_after_the_submission_of_its_copy(env: MotoEnvironment) -> None:
    submit_copy(env)
    env.trigger.receive()
    scan_cat(env)
    env.trigger.expire_visibility_timeouts()


def delete_object_of_cat(env: MotoEnvironment) -> None:
    submit_cat(env)
    env.resources.s3.delete_object(Bucket=BUCKET, Key=KEY)


def lose_message_of_cat(env: MotoEnvironment) -> None:
    submit_cat(env)
    env.resources.delete_messages()
    env.pass_time(11 * MINUTE)


def fail_to_settle_cats(env: MotoEnvironment) -> None:
    submit_thirty_cats(env)
    env.transport.fail("Query", "AccessDeniedException")
    deliver(env)


USE_CASES = [
    UseCase("submit a new image", do_nothing, submit_cat),
    UseCase("submit a known image", scan_cat, submit_cat),
    UseCase("scan a new image", submit_cat, deliver),
    UseCase("submit a file with known content", scan_cat, submit_copy),
    UseCase("scan a file with known content", scan_cat_after_the_submission_of_its_copy, deliver),
    UseCase("scan an image with thirty pending requests", submit_thirty_cats, deliver),
    UseCase("submit an image by hash", do_nothing, submit_cat_by_hash, outcome="never_uploaded"),
    UseCase("scan a direct upload", upload_cat_directly, deliver),
    UseCase("scan a damaged image", submit_unreadable_image, deliver, outcome="image_invalid"),
    UseCase("scan while Rekognition throttles", submit_cat_while_throttled, deliver),
    UseCase("receive a duplicate message", duplicate_scan_message, deliver),
    UseCase("receive a message for a missing object", delete_object_of_cat, deliver, outcome="timed_out"),
    UseCase("sweep after a lost message", lose_message_of_cat, sweep),
    UseCase("sweep after a failed settlement", fail_to_settle_cats, sweep),
    UseCase("get requests", submit_cat_and_car, MotoEnvironment.requests),
]


@pytest.mark.parametrize("use_case", USE_CASES, ids=lambda use_case: use_case.name)
@pytest.mark.parametrize("fault", InjectedFault)
def test_a_fault_in_any_call_loses_no_request_and_gives_no_wrong_answer(
    make_environment: MakeEnvironment, use_case: UseCase, fault: InjectedFault, subtests: pytest.Subtests
) -> None:
    calls, without_faults = _run(make_environment, use_case, {})
    assert calls
    for position, call in enumerate(calls):
        with subtests.test(f"{fault} {call} ({position + 1} of {len(calls)})"):
            _, with_faults = _run(make_environment, use_case, {position: fault})
            assert with_faults <= without_faults + 1


def delete_cat(env: MotoEnvironment) -> None:
    env.functions.delete(env.functions.accepted[0])


def wait_for_purge_delay(env: MotoEnvironment) -> None:
    scan_cat(env)
    delete_cat(env)
    env.pass_time(PURGE_DELAY_SECONDS + 1)


@pytest.mark.parametrize(
    ("prepare", "act"),
    [(scan_cat, delete_cat), (wait_for_purge_delay, purge)],
    ids=["delete a request", "purge its image"],
)
@pytest.mark.parametrize("fault", InjectedFault)
def test_an_interrupted_deletion_is_completed_by_the_next_one(
    make_environment: MakeEnvironment, prepare: Act, act: Act, fault: InjectedFault, subtests: pytest.Subtests
) -> None:
    for position in range(_count_calls(make_environment, prepare, act)):
        with subtests.test(f"{fault} call {position + 1}"), make_environment() as env:
            prepare(env)
            env.transport.inject({position: fault})
            with suppress(ClientError):
                _survives(act, env)
            env.transport.reset()
            delete_cat(env)
            env.pass_time(PURGE_DELAY_SECONDS + 1)
            purge(env)
            assert [item["status"]["S"] for item in env.resources.items(REQUESTS)] == ["deleted"]
            assert env.resources.items(IMAGES) == []
            assert env.resources.s3.list_object_versions(Bucket=BUCKET).get("Versions", []) == []


def _count_calls(make_environment: MakeEnvironment, prepare: Act, act: Act) -> int:
    with make_environment() as env:
        prepare(env)
        env.transport.reset()
        act(env)
        assert env.transport.calls
        return len(env.transport.calls)


@pytest.mark.parametrize("fault", [InjectedFault.KILL_BEFORE, InjectedFault.KILL_AFTER])
def test_two_crashes_cause_at_most_two_additional_paid_calls(
    make_environment: MakeEnvironment, fault: InjectedFault, subtests: pytest.Subtests
) -> None:
    calls, without_faults = _run(make_environment, USE_CASES[2], {})
    for first, second in product(range(len(calls)), repeat=2):
        with subtests.test(f"{fault} {calls[first]}, then {fault} call {second + 1} of the next delivery"):
            _, with_faults = _run(make_environment, USE_CASES[2], {first: fault, first + 1 + second: fault})
            assert with_faults <= without_faults + 2


def _run(
    make_environment: MakeEnvironment, use_case: UseCase, faults: dict[int, InjectedFault]
) -> tuple[list[str], int]:
    """Return the calls of the use case and the maximum number of paid calls for one image."""
    with make_environment() as env:
        env.detector.labels, env.detector.unreadable = LABELS, {hash_of(UNREADABLE_IMAGE)}
        use_case.prepare(env)
        env.transport.inject(faults)
        _survives(use_case.act, env)
        calls = list(env.transport.calls)
        while not _survives(MotoEnvironment.recover, env):
            pass
        env.transport.reset()
        _assert_outcome(env, use_case.outcome)
        return calls, max(env.detector.calls.values(), default=0)


def _survives(act: Act, env: MotoEnvironment) -> bool:
    """Return whether the process survived."""
    try:
        act(env)
    except Killed:
        return False
    return True


def _assert_outcome(env: MotoEnvironment, outcome: str) -> None:
    stored = env.requests()
    assert {request["request_id"] for request in stored} >= set(env.functions.accepted)
    assert [request for request in stored if not _has_outcome(request, outcome)] == []
    assert env.resources.items(REQUESTS, index="pending_by_image") == []
    assert env.resources.depth(QUEUE_URL) == env.resources.depth(DEAD_LETTER_QUEUE_URL) == 0


def _has_outcome(request: dict[str, Any], outcome: str) -> bool:
    """Return whether the request has the expected failure or the answer for its own image.

    All requests ask for a cat.
    """
    if request["status"] != "completed":
        return bool(request["failure"]["code"] == outcome)
    is_cat = request["image_hash"] in {hash_of(CAT_IMAGE), hash_of(CAT_COPY)}
    return outcome == "completed" and request["label_matched"] is is_cat
