"""What must hold in every state, and from each state to the next."""

from functools import lru_cache

from imagescan.aws.s3_events import MalformedMessage, image_keys
from imagescan.domain.image import hash_from_key
from imagescan.domain.image_record import Status
from imagescan.domain.scan_message import ScanMessage
from imagescan.domain.scan_request import Answer, ScanRequest, derive_answer
from tests.model_checking.faults import Fault
from tests.model_checking.image_bucket import is_stored
from tests.model_checking.images_table import image_in
from tests.model_checking.programs import DEADLINE_SECONDS
from tests.model_checking.state import State
from tests.model_checking.world import SHOWS, ImageRow, Table, World, day_of


class Violated(Exception):
    """An invariant does not hold; the text says which, and for what."""


def check(before: State, after: State) -> None:
    """Raises Violated unless the step from one state to the next keeps every invariant."""
    if after.world is before.world and after.accepted is before.accepted:
        return
    old, new = answers(before.world), answers(after.world)
    if new is not old:
        _check_answers(after, old, new)
    _check_durable(after)
    _check_scans_kept(before.world, after.world)
    if after.world.paid is not before.world.paid:
        _check_paid(after)


def answers(world: World) -> dict[str, Answer | None]:
    """How each request stands, for somebody who reads all at once."""
    return _answers(world.requests, world.images, world.now)


@lru_cache(maxsize=1 << 18)
def _answers(requests: Table[ScanRequest], images: Table[ImageRow], now: float) -> dict[str, Answer | None]:
    return {
        request.id: derive_answer(request, image_in(images, request.image_hash), now) for request in requests.values()
    }


def check_told(state: State, request: ScanRequest) -> None:
    """A terminal answer that somebody is told is the one that stands."""
    if request.id in state.world.deleted:
        return
    if request.id not in state.world.requests:
        raise Violated(f"{request.id} was promised an answer and is not stored")
    if request.answer and request.answer != answers(state.world)[request.id]:
        raise Violated(f"somebody was told {_told(request.answer)} for {request.id}, which is not how it stands")


def check_acknowledged(world: World, message: ScanMessage, there: frozenset[str], began: float) -> None:
    """A message goes only when its images are terminal or put off to another day, or when there is nothing to do.

    ``there`` are the keys whose bytes were there when its delivery began, which was at ``began``.
    """
    try:
        keys = image_keys(message.body)
    except MalformedMessage as reason:
        raise Violated(f"a poison message was acknowledged: {reason}") from reason
    for key in keys:
        image_hash = hash_from_key(key) or ""
        image = image_in(world.images, image_hash)
        was_there = key in there and all(version.content == image_hash for version in world.objects[key])
        if was_there and not (image and (image.scan or image.is_deferred(began))):
            raise Violated(
                f"the message of image {image_hash[0].upper()} was acknowledged before its image was terminal"
            )


def _check_durable(state: State) -> None:
    deleted = state.world.deleted.keys()
    missing = state.accepted - state.world.requests.keys() - deleted
    if missing:
        raise Violated(f"{min(missing)} was accepted and is not stored")
    back = deleted & state.world.requests.keys()
    if back:
        raise Violated(f"{min(back)} was deleted and is there again")
    for request in state.world.requests.values():
        if not (request.answer or request.awaits_upload or is_stored(state.world, request.image_key)):
            raise Violated(f"{request.id} waits, and its bytes are not stored")


def _check_answers(state: State, old: dict[str, Answer | None], new: dict[str, Answer | None]) -> None:
    for request_id, answer in new.items():
        before = old.get(request_id)
        if before and answer != before:
            raise Violated(f"the answer to {request_id} was {_told(before)} and is {_told(answer)} now")
        if answer and not before:
            _check_answer(state, state.world.requests[request_id], answer)


def _check_answer(state: State, request: ScanRequest, answer: Answer) -> None:
    if answer.status is Status.COMPLETED:
        _check_verdict(request, answer)
    else:
        _check_failure(state, request, answer)


def _check_verdict(request: ScanRequest, answer: Answer) -> None:
    shown = SHOWS[request.image_hash]
    labels = [label.name for label in answer.scan.labels] if answer.scan else []
    if labels != [shown]:
        raise Violated(f"{request.id} is answered by the labels {labels}; its image shows {shown}")
    if answer.verdict is None or answer.verdict.matched is not (request.question.labels == (shown.lower(),)):
        raise Violated(
            f"{request.id} asks for {request.question.labels}, its image shows {shown}: the verdict is wrong"
        )


def _check_failure(state: State, request: ScanRequest, answer: Answer) -> None:
    code = answer.failure.code if answer.failure else "none"
    is_right = {
        "timed_out": state.world.now > request.deadline and not _waits_for_budget(state.world, request),
        "never_uploaded": state.world.now > request.deadline and request.awaits_upload,
        "image_invalid": state.struck(Fault.REFUSED),
        "attempts_exhausted": state.costly_faults >= state.scenario.max_attempts,
    }
    if not is_right.get(code, False):
        raise Violated(f"{request.id} failed with {code!r}, for which there is no reason")


def _waits_for_budget(world: World, request: ScanRequest) -> bool:
    row = world.images.get(request.image_hash, ImageRow())
    on_this_day = [at for at in row.deferred_at if day_of(at) == day_of(world.now)]
    return row.scan is None and any(at <= request.created_at + DEADLINE_SECONDS for at in on_this_day)


def _check_scans_kept(before: World, after: World) -> None:
    if after.images is before.images:
        return
    for image_hash, row in before.images.items():
        is_removed = after.removals.get(image_hash) != before.removals.get(image_hash)
        if row.scan and not is_removed and row.scan != after.images[image_hash].scan:
            raise Violated(f"the terminal row of image {image_hash[0].upper()} changed")


def _check_paid(state: State) -> None:
    for image_hash, paid in state.world.paid.items():
        lives = 1 + state.world.removals.get(image_hash, 0)
        most = min(lives + state.costly_faults, lives * state.scenario.max_attempts)
        if paid > most:
            raise Violated(f"image {image_hash[0].upper()} was paid for {paid} times; {most} is the most here")
    limit = state.scenario.daily_rekognition_limit
    for day, paid in state.world.paid_on.items():
        if limit and paid > limit:
            raise Violated(f"{paid} calls were paid for on {day}; {limit} is the most")


def _told(answer: Answer | None) -> str:
    if answer is None:
        return "pending"
    return (
        f"{answer.status} ({answer.failure.code})"
        if answer.failure
        else f"{answer.status} at {answer.completed_at:g} s"
    )
