"""Apply transitions to a state: an actor starts, executes its next call, finishes or crashes."""

from collections.abc import Iterable

from imagescan.domain.image import hash_from_key
from tests.model_checking import image_bucket, scan_queue
from tests.model_checking.actors import Actor, CallResult, Delivery, Poll, Returned, Submit, checkpoint
from tests.model_checking.calls import Call
from tests.model_checking.faults import Fault
from tests.model_checking.images_table import items_in
from tests.model_checking.invariants import check_acknowledgement, check_returned_answer
from tests.model_checking.state import RunningActor, State
from tests.model_checking.system_state import QueuedMessage, SystemState


def start_actor(state: State, actor: Actor, messages: tuple[QueuedMessage, ...] = ()) -> State:
    """Return the state with one more actor, at its first call, or after it if no fault can be injected there.

    An actor that has made no call yet is indistinguishable from one that has not started.
    """
    present_keys = frozenset(
        (key, len(versions))
        for key, versions in state.system.objects.items()
        if messages and image_bucket.has_right_bytes(state.system, key) and not _is_exhausted(state.system, key)
    )
    running = RunningActor(str(state.next_actor_id), checkpoint(actor, {}), state.system.now, messages, present_keys)
    started = _advance(state._replace(next_actor_id=state.next_actor_id + 1, actors=(*state.actors, running)), running)
    for running in started.actors[len(state.actors) :]:
        if len(running.checkpoint.pending) == 1 and _is_deterministic(started, running):
            return execute_call(started, running, *next(iter(running.checkpoint.pending.items())))
    return started


def _is_exhausted(system: SystemState, key: str) -> bool:
    return any(item.is_exhausted for item in items_in(system.images, hash_from_key(key) or "").values())


def start_submission(state: State) -> State:
    """Return the state in which the scenario's next submission has started."""
    scenario = state.scenario
    submission, limit = scenario.submissions[state.submitted], scenario.daily_limit_per_caller
    actor = Submit(state.submitted + 1, submission, state.system.now, limit)
    return start_actor(state._replace(submitted=state.submitted + 1), actor)


def deliver(state: State, batch: tuple[QueuedMessage, ...], *, keep: bool = False) -> State:
    """Return the state with a scanner that processes these messages. ``keep`` also leaves them in the queue."""
    system = state.system if keep else scan_queue.without_messages(state.system, batch)
    messages = tuple(scan_queue.with_receive(message) for message in batch)
    actor = Delivery(tuple(message.body for message in batch), state.scenario.daily_rekognition_limit)
    return start_actor(state._replace(system=system), actor, messages)


def execute_call(state: State, running: RunningActor, thread: int, call: Call) -> State:
    """Return the state after the call and after the code up to the actor's next call."""
    system, value = call.execute(state.system, running.name)
    return resume(state, running, thread, system, Returned(value))


def resume(state: State, running: RunningActor, thread: int, system: SystemState, result: CallResult) -> State:
    """Return the state in which the actor received this result and ran to its next call."""
    moved = running._replace(checkpoint=running.checkpoint.after(thread, result))
    actors = tuple(moved if other is running else other for other in state.actors)
    return _advance(state._replace(system=system, actors=actors), moved)


def finish(state: State, running: RunningActor) -> State:
    """Return the state after the actor returned or raised."""
    outcome, rest = running.checkpoint.outcome, _without(state, running)
    if running.messages:
        return _end_delivery(rest, running)
    if isinstance(outcome, Returned) and isinstance(running.actor, Submit):
        check_returned_answer(state, outcome.value.request)
        return rest._replace(accepted=rest.accepted | {outcome.value.request.id})
    if isinstance(outcome, Returned) and isinstance(running.actor, Poll):
        check_returned_answer(state, outcome.value.request)
    return rest


def crash(state: State, running: RunningActor) -> State:
    """Return the state without the actor. Its messages return to the queue."""
    return _return_messages(_without(state, running), running.messages)


def next_instant(state: State) -> float | None:
    """Return the next instant of the clock, if there is one."""
    return next((instant for instant in state.scenario.instants if instant > state.system.now), None)


def _advance(state: State, running: RunningActor) -> State:
    """Execute the actor's calls that need no transition of their own, and finish the actor.

    A crash at the end of an actor matters only for a delivery, because its messages return to the queue.
    """
    for thread, call in running.checkpoint.pending.items():
        if _runs_immediately(state, running, call):
            return execute_call(state, running, thread, call)
    has_ended = running.checkpoint.outcome and not (running.messages and state.can_inject(Fault.CRASH))
    return finish(state, running) if has_ended else state


def _runs_immediately(state: State, running: RunningActor, call: Call) -> bool:
    """Return whether the order of the call is irrelevant: it cannot fail, and no other actor can observe it."""
    if call.operation.is_unobservable:
        return _is_deterministic(state, running)
    return call.operation.is_immediate and not any(state.can_inject(fault) for fault in call.operation.faults)


def _is_deterministic(state: State, running: RunningActor) -> bool:
    """Return whether no more faults can be injected and no time can pass before the actor finishes."""
    later = next_instant(state)
    return not any(map(state.can_inject, Fault)) and (later is None or later > running.started_at + running.actor.limit)


def _end_delivery(state: State, running: RunningActor) -> State:
    """Delete the messages that the handler does not report as failed. All return to the queue if it raises."""
    outcome = running.checkpoint.outcome
    if not isinstance(outcome, Returned):
        return _return_messages(state, running.messages)
    failures = {failure["itemIdentifier"] for failure in outcome.value["batchItemFailures"]}
    for at, message in enumerate(running.messages):
        if str(at) not in failures:
            check_acknowledgement(state.system, message, running.present_keys, running.started_at)
    return _return_messages(state, (message for at, message in enumerate(running.messages) if str(at) in failures))


def _return_messages(state: State, messages: Iterable[QueuedMessage]) -> State:
    return state._replace(system=scan_queue.with_returned_messages(state.system, messages, state.scenario.max_receives))


def _without(state: State, running: RunningActor) -> State:
    return state._replace(actors=tuple(other for other in state.actors if other is not running))
