"""Fault injection: the effect of each fault on a call or on the environment."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from imagescan.aws.rekognition import classify_error
from imagescan.domain.detection import TransientDetectorError
from tests.model_checking import image_bucket, scan_queue
from tests.model_checking.actors import CallResult, Raised, Returned, ServiceError
from tests.model_checking.apply import resume
from tests.model_checking.calls import Call
from tests.model_checking.clock import LOW_TIME
from tests.model_checking.detector import with_billed_call
from tests.model_checking.faults import Fault
from tests.model_checking.images_table import without_item
from tests.model_checking.requests_table import delayed_view, stale_view
from tests.model_checking.state import RunningActor, State
from tests.model_checking.system_state import FOREIGN_CONTENT, ImageItem, SystemState, Table

if TYPE_CHECKING:
    from imagescan.domain.image_record import Possession

type CallFault = Callable[[SystemState, Call, str], tuple[SystemState, CallResult | None]]
type EnvironmentFault = Callable[[SystemState], Iterator[tuple[str, SystemState]]]


def consume(state: State, fault: Fault) -> State:
    """Return the state with one fault less remaining."""
    return state._replace(
        faults_remaining=state.faults_remaining.with_item(fault, state.faults_remaining[fault] - 1),
        total_faults_remaining=state.total_faults_remaining - 1,
    )


def inject(state: State, running: RunningActor, thread: int, call: Call, fault: Fault) -> State:
    """Return the state after the call with this fault."""
    system, result = CALL_FAULTS[fault](state.system, call, running.name)
    spent = consume(state, fault)
    return resume(spent, running, thread, system, result) if result else spent._replace(system=system)


def _failed(system: SystemState, _call: Call, _actor_name: str) -> tuple[SystemState, CallResult]:
    return system, Raised(ServiceError)


def _response_lost(system: SystemState, call: Call, actor_name: str) -> tuple[SystemState, CallResult]:
    return call.execute(system, actor_name)[0], Raised(ServiceError)


def _retried(system: SystemState, call: Call, actor_name: str) -> tuple[SystemState, None]:
    """The call takes effect and remains pending: other actors may act before the SDK retries it."""
    return call.execute(system, actor_name)[0], None


def _read_from(view: Callable[[SystemState], SystemState]) -> CallFault:
    return lambda system, call, actor_name: (system, Returned(call.execute(view(system), actor_name)[1]))


def _error_code(code: str) -> CallFault:
    raised = Raised(lambda: classify_error(code))
    return lambda system, _call, _actor_name: (system, raised)


def _detection_timeout(system: SystemState, call: Call, _actor_name: str) -> tuple[SystemState, CallResult]:
    return with_billed_call(system, *call.arguments[:2]), _DETECTION_TIMEOUT


def _out_of_time(system: SystemState, _call: Call, _actor_name: str) -> tuple[SystemState, CallResult]:
    return system, Returned(LOW_TIME)


def _image_parameters_invalid(system: SystemState, _call: Call, _actor_name: str) -> tuple[SystemState, CallResult]:
    return system, Raised(lambda: classify_error("InvalidParameterException", is_image_at_fault=True))


_DETECTION_TIMEOUT = Raised(lambda: TransientDetectorError("ReadTimeoutError", may_be_billed=True))

CALL_FAULTS: dict[Fault, CallFault] = {
    Fault.FAILED: _failed,
    Fault.RESPONSE_LOST: _response_lost,
    Fault.RETRIED: _retried,
    Fault.INDEX_EMPTY: _read_from(lambda system: system._replace(requests=Table())),
    Fault.INDEX_STALE: _read_from(stale_view),
    Fault.INDEX_DELAYED: _read_from(delayed_view),
    Fault.THROTTLED: _error_code("ThrottlingException"),
    Fault.UNKNOWN_ERROR_CODE: _error_code("UnheardOfException"),
    Fault.ACCESS_DENIED: _error_code("AccessDeniedException"),
    Fault.INVALID_PARAMETERS: _error_code("InvalidParameterException"),
    Fault.IMAGE_PARAMETERS_INVALID: _image_parameters_invalid,
    Fault.IMAGE_REJECTED: _error_code("InvalidImageFormatException"),
    Fault.DETECTION_TIMEOUT: _detection_timeout,
    Fault.OUT_OF_TIME: _out_of_time,
}


def _lose_message(system: SystemState) -> Iterator[tuple[str, SystemState]]:
    for message in scan_queue.distinct_messages(system):
        yield "a message in the queue", scan_queue.without_messages(system, [message])


def _move_to_dead_letters(system: SystemState) -> Iterator[tuple[str, SystemState]]:
    for message in scan_queue.distinct_messages(system):
        yield (
            "a message in the queue",
            scan_queue.with_returned_messages(scan_queue.without_messages(system, [message]), [message], 0),
        )


def _redrive(system: SystemState) -> Iterator[tuple[str, SystemState]]:
    if system.dead_letters:
        messages = [message._replace(receives=0) for message in system.dead_letters]
        yield "every message", scan_queue.with_returned_messages(system._replace(dead_letters=()), messages, 1)


def _expire_lease(system: SystemState) -> Iterator[tuple[str, SystemState]]:
    for image_hash, item in system.images.items():
        if item.lease_until is not None and item.lease_until >= system.now:
            images = system.images.with_item(image_hash, item._replace(lease_until=system.now - 1))
            yield f"the lease of image {image_hash[0].upper()}", system._replace(images=images)


def _delete_object(system: SystemState) -> Iterator[tuple[str, SystemState]]:
    for key in system.objects:
        yield "the object of an image", image_bucket.with_version(system, key, None)


def _replace_object(system: SystemState) -> Iterator[tuple[str, SystemState]]:
    for key in system.objects:
        yield (
            "the object of an image",
            scan_queue.with_message(image_bucket.with_version(system, key, FOREIGN_CONTENT), key),
        )


def _expire(system: SystemState) -> Iterator[tuple[str, SystemState]]:
    """Delete an item of the images table (time to live), or the bytes of an object (lifecycle rule)."""
    tables: tuple[Table[ImageItem], Table[Possession]] = system.images, system.possessions
    for key in [key for table in tables for key, item in table.items() if _is_past(system, item.expires_at)]:
        yield "an item of the images table", without_item(system, key)
    for key, versions in system.objects.items():
        if system.retention_seconds and _is_past(system, versions[-1].uploaded_at + system.retention_seconds):
            yield "the object of an image", image_bucket.without_versions(system, key)


def _is_past(system: SystemState, time: float | None) -> bool:
    return time is not None and time <= system.now


ENVIRONMENT_FAULTS: dict[Fault, EnvironmentFault] = {
    Fault.MESSAGE_LOST: _lose_message,
    Fault.DEAD_LETTER: _move_to_dead_letters,
    Fault.REDRIVE: _redrive,
    Fault.LEASE_EXPIRED_EARLY: _expire_lease,
    Fault.OBJECT_DELETED: _delete_object,
    Fault.OBJECT_REPLACED: _replace_object,
    Fault.EXPIRED: _expire,
}
