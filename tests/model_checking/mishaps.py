"""What each fault does: to a call that it strikes, or to the world around."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from imagescan.aws.rekognition import classify_error
from imagescan.domain.detection import TransientDetectorError
from tests.model_checking import image_bucket, scan_queue
from tests.model_checking.calls import Call
from tests.model_checking.clock import LITTLE
from tests.model_checking.detector import charged
from tests.model_checking.faults import Fault
from tests.model_checking.programs import Answered, Entry, Raised, ServiceError
from tests.model_checking.requests_table import as_before, as_long_ago
from tests.model_checking.state import Actor, State
from tests.model_checking.steps import answered
from tests.model_checking.world import FOREIGN, Table, World

type Struck = Callable[[World, Call, str], tuple[World, Entry | None]]
type Accident = Callable[[World], Iterator[tuple[str, World]]]


def spend(state: State, fault: Fault) -> State:
    """The state in which the fault may strike once less."""
    return state._replace(left=state.left.having(fault, state.left[fault] - 1), faults_left=state.faults_left - 1)


def strike(state: State, actor: Actor, strand: int, call: Call, fault: Fault) -> State:
    """The state after a call that the fault struck."""
    world, entry = STRUCK[fault](state.world, call, actor.name)
    spent = spend(state, fault)
    return answered(spent, actor, strand, world, entry) if entry else spent._replace(world=world)


def _failed(world: World, _call: Call, _actor: str) -> tuple[World, Entry]:
    return world, Raised(ServiceError)


def _lost(world: World, call: Call, actor: str) -> tuple[World, Entry]:
    return call.happen(world, actor)[0], Raised(ServiceError)


def _resent(world: World, call: Call, actor: str) -> tuple[World, None]:
    """The call took effect and is still to come: others may act before the SDK has sent it again."""
    return call.happen(world, actor)[0], None


def _answered_from(seen: Callable[[World], World]) -> Struck:
    return lambda world, call, actor: (world, Answered(call.happen(seen(world), actor)[1]))


def _refused(code: str) -> Struck:
    raised = Raised(lambda: classify_error(code))
    return lambda world, _call, _actor: (world, raised)


def _unanswered(world: World, call: Call, _actor: str) -> tuple[World, Entry]:
    return charged(world, call.arguments[0]), _NO_ANSWER


def _out_of_time(world: World, _call: Call, _actor: str) -> tuple[World, Entry]:
    return world, Answered(LITTLE)


_NO_ANSWER = Raised(lambda: TransientDetectorError("ReadTimeoutError", may_be_billed=True))

STRUCK: dict[Fault, Struck] = {
    Fault.FAILED: _failed,
    Fault.LOST: _lost,
    Fault.RESENT: _resent,
    Fault.BLIND_INDEX: _answered_from(lambda world: world._replace(requests=Table())),
    Fault.OLD_INDEX: _answered_from(as_before),
    Fault.LATE_INDEX: _answered_from(as_long_ago),
    Fault.THROTTLED: _refused("ThrottlingException"),
    Fault.UNKNOWN_CODE: _refused("NeverHeardOfException"),
    Fault.MISUSED: _refused("AccessDeniedException"),
    Fault.PARAMETERS: _refused("InvalidParameterException"),
    Fault.REFUSED: _refused("InvalidImageFormatException"),
    Fault.UNANSWERED: _unanswered,
    Fault.OUT_OF_TIME: _out_of_time,
}


def _message_lost(world: World) -> Iterator[tuple[str, World]]:
    for message in scan_queue.distinct(world):
        yield "a message in the queue", scan_queue.take(world, [message])


def _dead_letter(world: World) -> Iterator[tuple[str, World]]:
    for message in scan_queue.distinct(world):
        yield "a message in the queue", scan_queue.give_back(scan_queue.take(world, [message]), [message], 0)


def _redriven(world: World) -> Iterator[tuple[str, World]]:
    if world.dead_letters:
        messages = [replace(message, receives=0) for message in world.dead_letters]
        yield "every message", scan_queue.give_back(world._replace(dead_letters=()), messages, 1)


def _early_expiry(world: World) -> Iterator[tuple[str, World]]:
    for image_hash, row in world.images.items():
        if row.lease_until is not None and row.lease_until >= world.now:
            images = world.images.having(image_hash, row._replace(lease_until=world.now - 1))
            yield f"the lease of image {image_hash[0].upper()}", world._replace(images=images)


def _deleted(world: World) -> Iterator[tuple[str, World]]:
    for key in world.objects:
        yield "the object of an image", image_bucket.changed(world, key, None)


def _replaced(world: World) -> Iterator[tuple[str, World]]:
    for key in world.objects:
        yield "the object of an image", scan_queue.send(image_bucket.changed(world, key, FOREIGN), key)


ACCIDENTS: dict[Fault, Accident] = {
    Fault.MESSAGE_LOST: _message_lost,
    Fault.DEAD_LETTER: _dead_letter,
    Fault.REDRIVEN: _redriven,
    Fault.EARLY_EXPIRY: _early_expiry,
    Fault.DELETED: _deleted,
    Fault.REPLACED: _replaced,
}
