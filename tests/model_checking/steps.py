"""What a step does to the state: an actor begins, makes its next call, ends or dies."""

from collections.abc import Iterable

from imagescan.domain.scan_message import ScanMessage
from tests.model_checking import image_bucket, scan_queue
from tests.model_checking.calls import Call
from tests.model_checking.faults import Fault
from tests.model_checking.invariants import check_acknowledged, check_told
from tests.model_checking.programs import Answered, Delivery, Entry, Poll, Program, Submit, place
from tests.model_checking.state import Actor, State
from tests.model_checking.world import World


def begin(state: State, program: Program, messages: tuple[ScanMessage, ...] = ()) -> State:
    """The state with one more actor, at its first call; past it when nothing can go wrong there.

    Nobody can tell an actor that has made no call yet from one that is still to begin.
    """
    there = frozenset(key for key in state.world.objects if messages and image_bucket.has_right_bytes(state.world, key))
    actor = Actor(str(state.born), place(program, {}), state.world.now, messages, there)
    begun = _run_on(state._replace(born=state.born + 1, actors=(*state.actors, actor)), actor)
    for actor in begun.actors[len(state.actors) :]:
        if len(actor.place.pending) == 1 and _is_calm(begun, actor):
            return step(begun, actor, *next(iter(actor.place.pending.items())))
    return begun


def submit_next(state: State) -> State:
    """The state in which the scenario's next submit has begun."""
    program = Submit(state.submitted + 1, state.scenario.submits[state.submitted], state.world.now)
    return begin(state._replace(submitted=state.submitted + 1), program)


def deliver(state: State, batch: tuple[ScanMessage, ...], *, keep: bool = False) -> State:
    """The state with a scanner at work on these messages; ``keep`` leaves them in the queue as well."""
    world = state.world if keep else scan_queue.take(state.world, batch)
    messages = tuple(scan_queue.received(message) for message in batch)
    program = Delivery(tuple(message.body for message in batch), state.scenario.daily_rekognition_limit)
    return begin(state._replace(world=world), program, messages)


def step(state: State, actor: Actor, strand: int, call: Call) -> State:
    """The state after the call, and all the code up to the actor's next one."""
    world, value = call.happen(state.world, actor.name)
    return answered(state, actor, strand, world, Answered(value))


def answered(state: State, actor: Actor, strand: int, world: World, entry: Entry) -> State:
    """The state in which the actor has this answer to its call, and has gone on to its next one."""
    moved = actor._replace(place=actor.place.after(strand, entry))
    actors = tuple(moved if other is actor else other for other in state.actors)
    return _run_on(state._replace(world=world, actors=actors), moved)


def finish(state: State, actor: Actor) -> State:
    """What comes of the actor's answer, or of its exception."""
    end, rest = actor.place.end, _without(state, actor)
    if actor.messages:
        return _acknowledge(rest, actor)
    if isinstance(end, Answered) and isinstance(actor.program, Submit):
        check_told(state, end.value.request)
        return rest._replace(accepted=rest.accepted | {end.value.request.id})
    if isinstance(end, Answered) and isinstance(actor.program, Poll):
        check_told(state, end.value.request)
    return rest


def die(state: State, actor: Actor) -> State:
    """The state without the actor; the messages it had come again."""
    return _given_back(_without(state, actor), actor.messages)


def next_instant(state: State) -> float | None:
    """When the clock stands still next, if ever."""
    return next((instant for instant in state.scenario.instants if instant > state.world.now), None)


def _run_on(state: State, actor: Actor) -> State:
    """Makes the actor's calls that need no turn of their own, and tells its end.

    Before its end only the death of a delivery matters: its messages come again.
    """
    for strand, call in actor.place.pending.items():
        if _needs_no_turn(state, actor, call):
            return step(state, actor, strand, call)
    has_ended = actor.place.end and not (actor.messages and state.may(Fault.DEATH))
    return finish(state, actor) if has_ended else state


def _needs_no_turn(state: State, actor: Actor, call: Call) -> bool:
    """Whether it makes no difference to anybody when the call happens: no fault may strike it and nobody may see it."""
    if call.operation.is_unseen:
        return _is_calm(state, actor)
    return call.operation.is_immediate and not any(state.may(fault) for fault in call.operation.faults)


def _is_calm(state: State, actor: Actor) -> bool:
    """No more faults can strike, and no time can pass before the actor is done."""
    later = next_instant(state)
    return not any(map(state.may, Fault)) and (later is None or later > actor.started_at + actor.program.limit)


def _acknowledge(state: State, actor: Actor) -> State:
    """Lambda deletes the messages that the handler does not name; when the handler raises, all come again."""
    end = actor.place.end
    if not isinstance(end, Answered):
        return _given_back(state, actor.messages)
    failures = {failure["itemIdentifier"] for failure in end.value["batchItemFailures"]}
    for at, message in enumerate(actor.messages):
        if str(at) not in failures:
            check_acknowledged(state.world, message, actor.there, actor.started_at)
    return _given_back(state, (message for at, message in enumerate(actor.messages) if str(at) in failures))


def _given_back(state: State, messages: Iterable[ScanMessage]) -> State:
    return state._replace(world=scan_queue.give_back(state.world, messages, state.scenario.max_receives))


def _without(state: State, actor: Actor) -> State:
    return state._replace(actors=tuple(other for other in state.actors if other is not actor))
