"""The safety invariants: conditions on every state and on every transition."""

import math
from collections import Counter
from functools import lru_cache

from imagescan.aws.s3_events import MalformedMessage, image_keys
from imagescan.domain.content import content_item_key, is_content_item_key
from imagescan.domain.feature import Feature, feature_from_item_key, hash_from_item_key, item_key
from imagescan.domain.image import hash_from_key
from imagescan.domain.image_record import Image, Possession, Status
from imagescan.domain.policy import MAX_EXHAUSTIONS_PER_DAY, REQUEST_STORED_SECONDS, SCANNER_TIMEOUT_SECONDS
from imagescan.domain.scan_request import Answer, ScanRequest, derive_answer, visible_items
from imagescan.use_cases.scan_image import MAX_DELAY_SECONDS
from tests.model_checking.actors import TIMEOUT_SECONDS
from tests.model_checking.faults import Fault
from tests.model_checking.image_bucket import is_stored
from tests.model_checking.images_table import items_in, possession_in
from tests.model_checking.state import State
from tests.model_checking.system_state import (
    CONTENT_HASHES,
    CONTENT_LABELS,
    ImageItem,
    QueuedMessage,
    SystemState,
    Table,
    Version,
    day_of,
)


class InvariantViolation(Exception):
    """An invariant does not hold. The text names it and the object that violates it."""


def check(before: State, after: State) -> None:
    """Raise InvariantViolation unless every invariant holds in the new state and for the transition to it."""
    if after.system is before.system and after.accepted is before.accepted:
        return
    old, new = answers(before.system), answers(after.system)
    if new is not old:
        _check_answers(after, old, new)
    _check_durable(after)
    _check_limit_per_caller(after)
    _check_scans_kept(before.system, after.system)
    _check_purges(before.system, after)
    _check_attempts(before, after)
    _check_requeues(after)
    if after.system.billed_calls is not before.system.billed_calls:
        _check_billing(after)
        _check_backoff(before.system, after.system)


def answers(system: SystemState) -> dict[str, Answer | None]:
    """Return the answer of each request, derived from one consistent snapshot."""
    return _answers(system.requests, system.images, system.possessions, system.now)


@lru_cache(maxsize=1 << 18)
def _answers(
    requests: Table[ScanRequest], images: Table[ImageItem], possessions: Table[Possession], now: float
) -> dict[str, Answer | None]:
    return {
        request.id: derive_answer(
            request,
            visible_items(request, items_in(images, request.image_hash), possession_in(possessions, request)),
            now,
        )
        for request in requests.values()
    }


def check_returned_answer(state: State, request: ScanRequest) -> None:
    """Check that an answer returned to a client is the answer of its request."""
    if request.id in state.system.deleted_requests:
        return
    if request.id not in state.system.requests:
        raise InvariantViolation(f"{request.id} was accepted but is not stored")
    if request.answer and request.answer != answers(state.system)[request.id]:
        raise InvariantViolation(
            f"a client received {_describe(request.answer)} for {request.id}, which is not its answer"
        )


def check_acknowledgement(
    system: SystemState, message: QueuedMessage, present_keys: frozenset[tuple[str, int]], began: float
) -> None:
    """Check that the images of an acknowledged message need no delivery before the sweeper enqueues them again.

    They are terminal, deferred, exhausted, or backing off for longer than a message may be delayed. Or the object
    belongs to a request that was finished or deleted, so that the index decides whether others wait for the image.

    ``present_keys`` are the keys whose bytes existed when the delivery started, at ``began``, and whose images were not
    exhausted then: a request that reopens an image enqueues it. Each comes with its number of versions then. A later
    version has a message of its own.
    """
    try:
        keys = image_keys(message.body)
    except MalformedMessage as error:
        raise InvariantViolation(f"a malformed message was acknowledged: {error}") from error
    for key in keys:
        image_hash = hash_from_key(key) or ""
        items = items_in(system.images, image_hash)
        count = dict(present_keys).get(key, 0)
        was_present = count and all(version.content == image_hash for version in system.objects[key])
        needed = _requested_features(system, key)
        is_handled = all(_is_handled(items.get(feature), began) for feature in needed)
        if was_present and not (is_handled or _is_unrequested(system, key, count - 1)):
            raise InvariantViolation(
                f"the message of image {image_hash[0].upper()} was acknowledged before its image was terminal"
            )


def _requested_features(system: SystemState, key: str) -> tuple[Feature, ...]:
    """Return the features of the newest request for the object that is stored."""
    request_ids = [version.request_id for version in system.objects.get(key, ()) if version.request_id]
    requests = [system.requests[each] for each in request_ids if each in system.requests]
    return requests[-1].features if requests else (Feature.LABELS,)


def _is_handled(image: Image | None, began: float) -> bool:
    return image is not None and bool(image.scan or image.is_deferred(began) or _waits_for_sweeper(image, began))


def _is_unrequested(system: SystemState, key: str, first: int) -> bool:
    """Return whether the request of one of the versions is finished, deleted, or was never stored."""
    return any(_is_request_gone(system, version) for version in system.objects[key][first:])


def _is_request_gone(system: SystemState, version: Version) -> bool:
    if version.request_id is None:
        return version.is_removed
    request = system.requests.get(version.request_id)
    if request:
        return request.answer is not None or request.image_hash != version.content
    is_overdue = system.now >= version.uploaded_at + REQUEST_STORED_SECONDS
    return version.request_id in system.deleted_requests or is_overdue


def _waits_for_sweeper(image: Image, began: float) -> bool:
    earliest = began - SCANNER_TIMEOUT_SECONDS  # the times of exhaustions are taken before they are written
    is_exhausted = image.is_exhausted or image.first_exhausted_between(earliest, math.inf) is not None
    return is_exhausted or image.is_backing_off(began + MAX_DELAY_SECONDS)


def _check_limit_per_caller(state: State) -> None:
    limit = state.scenario.daily_limit_per_caller
    if not limit:
        return
    callers = Counter((each.owner, day_of(each.created_at)) for each in state.system.requests.values())
    if max(callers.values(), default=0) > limit:
        raise InvariantViolation(f"a caller submitted more than {limit} new images on one day")


def _check_durable(state: State) -> None:
    deleted_requests = state.system.deleted_requests.keys()
    missing = state.accepted - state.system.requests.keys() - deleted_requests
    if missing:
        raise InvariantViolation(f"{min(missing)} was accepted but is not stored")
    restored = deleted_requests & state.system.requests.keys()
    if restored:
        raise InvariantViolation(f"{min(restored)} was deleted and exists again")
    for request in state.system.requests.values():
        if not (request.answer or request.awaits_upload or is_stored(state.system, request.image_key)):
            raise InvariantViolation(f"{request.id} is pending but its bytes are not stored")


def _check_answers(state: State, old: dict[str, Answer | None], new: dict[str, Answer | None]) -> None:
    for request_id, answer in new.items():
        before = old.get(request_id)
        if before and answer != before:
            raise InvariantViolation(
                f"the answer of {request_id} changed from {_describe(before)} to {_describe(answer)}"
            )
        if answer and not before:
            _check_answer(state, state.system.requests[request_id], answer)


def _check_answer(state: State, request: ScanRequest, answer: Answer) -> None:
    if answer.scans and not _was_received(state, request):
        raise InvariantViolation(f"{request.id} was answered, but its owner never sent the image")
    if answer.status is Status.COMPLETED:
        _check_verdict(request, answer)
    else:
        _check_failure(state, request, answer)


def _was_received(state: State, request: ScanRequest) -> bool:
    """Return whether the owner of the request posted or uploaded its image."""
    if request.owner is None:
        return True
    started = state.scenario.submissions[: state.submitted]
    was_posted = any(each.owner == request.owner and not each.is_direct for each in started)
    requests = [*state.system.requests.values(), *state.system.deleted_requests.values()]
    own = [each for each in requests if (each.owner, each.image_hash) == (request.owner, request.image_hash)]
    was_stored = any(
        not each.awaits_upload and each.id not in state.system.deleted_requests and not _was_copied(state.system, each)
        for each in own
    )
    was_earlier = possession_in(state.scenario.initial_system.possessions, request) is not None
    return (
        was_earlier
        or was_posted
        or was_stored
        or any(_was_uploaded(state.system, each) for each in own if each.awaits_upload)
    )


def _was_copied(system: SystemState, request: ScanRequest) -> bool:
    return any(version.is_copy for version in system.objects.get(request.image_key, ()))


def _was_uploaded(system: SystemState, request: ScanRequest) -> bool:
    return any(not version.is_copy for version in system.objects.get(request.image_key, ()))


def _check_purges(before: SystemState, after: State) -> None:
    """Check that labels are removed only if they expired, or after an owner who sent the image deleted a request."""
    for key, item in before.images.items():
        if not item.scan or after.system.purges.get(key) == before.purges.get(key):
            continue
        image_hash = hash_from_item_key(key)
        if is_content_item_key(key):
            mark = any(item.purge_mark for marked, item in before.images.items() if image_hash == _content(marked))
        else:
            mark = before.images.get(image_hash, ImageItem()).purge_mark is not None
        deleted = [each for each in after.system.deleted_requests.values() if each.image_hash == image_hash]
        has_failed = item.scan.status == Status.FAILED and after.scenario.rescans
        has_expired = item.expires_at is not None and item.expires_at <= after.system.now
        if not (mark or has_failed or has_expired):
            raise InvariantViolation(f"image {image_hash[0].upper()} was removed before it expired")
        if deleted and not any(_was_received(after, each) for each in deleted):
            raise InvariantViolation(f"image {image_hash[0].upper()} was purged by an owner who never sent it")


def _content(key: str) -> str:
    """Return the hash in the keys of the items of the content of this image or upload."""
    content_hash = CONTENT_HASHES.get(hash_from_key(key) or hash_from_item_key(key), "")
    return hash_from_item_key(content_item_key(content_hash, Feature.LABELS))


def _check_verdict(request: ScanRequest, answer: Answer) -> None:
    shown = CONTENT_LABELS[request.image_hash]
    for feature in request.features:
        scan = answer.scan(feature)
        found = [finding.name for finding in scan.findings] if scan else []
        if found != [shown]:
            raise InvariantViolation(f"{request.id} was answered with the {feature} {found}; its image shows {shown}")
    asked = set(request.question.asked.values())
    if answer.verdict is None or answer.verdict.matched is not (asked == {(shown.lower(),)}):
        raise InvariantViolation(f"{request.id} asks for {asked} and its image shows {shown}, but the verdict is wrong")


def _check_failure(state: State, request: ScanRequest, answer: Answer) -> None:
    code = answer.failure.code if answer.failure else "none"
    is_justified = {
        "timed_out": state.system.now > request.deadline and not _is_deferred_today(state.system, request, answer),
        "never_uploaded": state.system.now > request.deadline and request.awaits_upload,
        "image_invalid": _is_rejection_justified(state, request, answer),
        "attempts_exhausted": _is_exhaustion_justified(state, request, answer),
    }
    if not is_justified.get(code, False):
        raise InvariantViolation(f"{request.id} failed with {code!r} without a cause")


def _is_rejection_justified(state: State, request: ScanRequest, answer: Answer) -> bool:
    at_start = state.scenario.initial_system.images.get(_failed_item(request, answer), ImageItem()).scan
    was_injected = state.was_injected(Fault.IMAGE_REJECTED) or state.was_injected(Fault.IMAGE_PARAMETERS_INVALID)
    is_own = not any(scan.origin for scan in answer.scans if scan.failure)
    return (was_injected and is_own) or (at_start is not None and at_start in answer.scans)


def _is_exhaustion_justified(state: State, request: ScanRequest, answer: Answer) -> bool:
    """Return whether faults used up a whole attempt budget after the request was created.

    Each file has a budget of its own, also if it shares its content with others.
    """
    key = _failed_item(request, answer)
    before, after = state.scenario.initial_system.images, state.system.images
    files = {key, *(each for each in after if CONTENT_HASHES.get(each) and _content(each) == _content(key))}
    budgets = sum(
        len(after.get(each, ImageItem()).exhausted_at - before.get(each, ImageItem()).exhausted_at) for each in files
    )
    faults = state.scenario.initial_attempts + state.billable_faults
    return request.created_at <= answer.completed_at and faults >= budgets * state.scenario.max_attempts


def _is_deferred_today(system: SystemState, request: ScanRequest, answer: Answer) -> bool:
    item = system.images.get(_failed_item(request, answer), ImageItem())
    on_this_day = [at for at in item.deferred_at if day_of(at) == day_of(system.now)]
    return item.scan is None and any(at <= request.created_at + TIMEOUT_SECONDS for at in on_this_day)


def _failed_item(request: ScanRequest, answer: Answer) -> str:
    """Return the key of the item for the feature that failed."""
    return item_key(request.image_hash, answer.failure.feature if answer.failure else Feature.LABELS)


def _check_scans_kept(before: SystemState, after: SystemState) -> None:
    if after.images is before.images:
        return
    for image_hash, item in before.images.items():
        is_removed = after.purges.get(image_hash) != before.purges.get(image_hash)
        if item.scan and not is_removed and item.scan != after.images[image_hash].scan:
            raise InvariantViolation(f"the terminal item of image {image_hash[0].upper()} changed")


def _check_attempts(before: State, after: State) -> None:
    """Check the limits of attempts: the waits between them, and the number of renewed budgets per day."""
    if after.system.images is before.system.images:
        return
    for image_hash, item in before.system.images.items():
        new = after.system.images.get(image_hash)
        if new is None:
            continue
        name, now = image_hash[0].upper(), after.system.now
        if item.is_exhausted and not new.is_exhausted and not is_reopening_allowed(item, now):
            raise InvariantViolation(f"image {name} was reopened after its last attempt budget of the day")
        if new.is_exhausted and not item.is_exhausted and not _is_later(new.exhausted_at - item.exhausted_at, item):
            raise InvariantViolation(f"the attempts of image {name} were exhausted before an earlier exhaustion")
        is_new_attempt = new.attempts > item.attempts
        if is_new_attempt and item.not_before is not None and now < item.not_before:
            raise InvariantViolation(f"an attempt for image {name} started before {item.not_before:g} s")
        is_billed_release = item.lease_owner in new.attempts and new.lease_owner is None and not new.scan
        has_attempts_left = len(new.attempts) < after.scenario.max_attempts
        if is_billed_release and has_attempts_left and (new.not_before is None or new.not_before < now):
            raise InvariantViolation(f"the next attempt for image {name} does not wait")


def _is_later(new: frozenset[float], item: ImageItem) -> bool:
    return bool(new) and min(new) > max(item.exhausted_at, default=-math.inf)


def is_reopening_allowed(item: ImageItem, now: float) -> bool:
    return sum(day_of(at) == day_of(now) for at in item.exhausted_at) < MAX_EXHAUSTIONS_PER_DAY


def _check_requeues(state: State) -> None:
    """Check that the sweeper enqueues an image once per requeue delay, unless the SDK retried a call or it was purged.

    Otherwise a backlog would multiply the messages.
    """
    system = state.system
    if system.early_requeues and not system.purges and not state.was_injected(Fault.RETRIED):
        raise InvariantViolation(f"image {_letter(min(system.early_requeues))} was requeued twice within the delay")


def _letter(key: str) -> str:
    return (hash_from_key(key) or "?")[0].upper()


def _check_billing(state: State) -> None:
    for image_hash, billed_calls in state.system.billed_calls.items():
        lifetimes = 1 + state.system.purges.get(image_hash, 0)
        exhaustions = len(state.system.images.get(image_hash, ImageItem()).exhausted_at)
        limit = min(lifetimes + state.billable_faults, (lifetimes + exhaustions) * state.scenario.max_attempts)
        if billed_calls > limit:
            raise InvariantViolation(
                f"image {image_hash[0].upper()} was billed {billed_calls} times; the limit is {limit}"
            )
        is_new = billed_calls > state.scenario.initial_system.billed_calls.get(image_hash, 0)
        is_stale = state.was_injected(Fault.INDEX_STALE)  # the index shows a deleted request
        if is_new and not is_stale and feature_from_item_key(image_hash) not in _needed_features(state):
            raise InvariantViolation(f"image {image_hash[0].upper()} was billed for a feature that was not requested")
    if state.scenario.initial_system.deleted_requests and not (state.accepted or state.was_injected(Fault.INDEX_STALE)):
        raise InvariantViolation("an image was billed although its requests had been deleted")
    limit = state.scenario.daily_rekognition_limit
    for day, billed_calls in state.system.billed_by_day.items():
        if limit and billed_calls > limit:
            raise InvariantViolation(f"{billed_calls} calls were billed on {day}; the limit is {limit}")


def _check_backoff(before: SystemState, after: SystemState) -> None:
    """Check that no call is made for an image or a content before its next attempt may start."""
    for key, item in before.images.items():
        is_billed = after.billed_calls.get(key, 0) > before.billed_calls.get(key, 0)
        if is_billed and item.not_before is not None and after.now < item.not_before:
            raise InvariantViolation(f"{key} was billed before {item.not_before:g} s")


def _needed_features(state: State) -> set[Feature]:
    """Return the features that any request needed that was not deleted before the start."""
    system, at_start = state.system, state.scenario.initial_system.deleted_requests
    deleted = [request for request in system.deleted_requests.values() if request.id not in at_start]
    needed = {feature for request in (*system.requests.values(), *deleted) for feature in request.features}
    submitted = {feature for each in state.scenario.submissions[: state.submitted] for feature in each.features}
    is_foreign = any(version.request_id is None for versions in system.objects.values() for version in versions)
    return needed | submitted | ({Feature.LABELS} if is_foreign else set())


def _describe(answer: Answer | None) -> str:
    if answer is None:
        return "pending"
    return (
        f"{answer.status} ({answer.failure.code})"
        if answer.failure
        else f"{answer.status} at {answer.completed_at:g} s"
    )
