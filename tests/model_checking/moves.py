"""Every step that can come next: of an actor, of a fault, of the queue, of the clock."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, product

from imagescan.aws.image_bucket import UPLOAD_URL_SECONDS
from tests.model_checking import image_bucket, scan_queue
from tests.model_checking.faults import Fault
from tests.model_checking.mishaps import ACCIDENTS, spend, strike
from tests.model_checking.programs import Delete, Poll, PollOfMany, Sweep
from tests.model_checking.state import Actor, State
from tests.model_checking.steps import begin, deliver, die, finish, next_instant, step, submit_next


@dataclass(frozen=True, slots=True)
class Move:
    """One step; ``words`` tell it. Applying it gives the next state, or raises Violated."""

    words: tuple[object, ...]
    apply: Callable[[], State]

    def __str__(self) -> str:
        return " ".join(map(str, self.words))


def numbered(steps: Iterable[Move]) -> str:
    """A trace in words, a line for each step."""
    return "\n".join(f"{number:4}. {step}" for number, step in enumerate(steps, 1))


def moves(state: State) -> list[Move]:
    """All that can come next, always in the same order."""
    return list(
        chain(
            _submits(state),
            *(_of_actor(state, actor) for actor in state.actors),
            _direct_uploads(state),
            _deliveries(state),
            _sweeps(state),
            _polls(state),
            _deletes(state),
            _accidents(state),
            _time_passing(state),
        )
    )


def _submits(state: State) -> Iterator[Move]:
    if state.submitted < len(state.scenario.submits):
        ask = state.scenario.submits[state.submitted]
        words = f"submit {state.submitted + 1} begins: does image {ask.image[0].upper()} show {ask.label!r}?"
        yield Move((words,), partial(submit_next, state))


def _of_actor(state: State, actor: Actor) -> Iterator[Move]:
    if actor.place.end:
        yield Move((actor, "answers Lambda"), partial(finish, state, actor))
    for strand, call in actor.place.pending.items():
        yield Move((actor, call), partial(step, state, actor, strand, call))
        for fault in call.operation.faults:
            if state.may(fault):
                yield Move((actor, call, fault), partial(strike, state, actor, strand, call, fault))
    if state.may(Fault.DEATH):
        yield Move((actor, Fault.DEATH), partial(die, spend(state, Fault.DEATH), actor))


def _direct_uploads(state: State) -> Iterator[Move]:
    """Whoever was told where to send the bytes may do so, also when the request is deleted by then."""
    for request in [*map(state.world.requests.__getitem__, state.standing), *state.world.deleted.values()]:
        is_open = request.awaits_upload and state.world.now <= request.created_at + UPLOAD_URL_SECONDS
        if is_open and request.image_key not in state.world.objects:
            words = f"the bytes of {request.id} come straight to the bucket"
            yield Move((words,), partial(state._replace, world=image_bucket.uploaded(state.world, request)))


def _deliveries(state: State) -> Iterator[Move]:
    batches = [(message,) for message in scan_queue.distinct(state.world)]
    if state.scenario.batches and len(state.world.queue) > 1:
        yield Move(("the queue delivers all its messages at once",), partial(deliver, state, state.world.queue))
    for batch in batches:
        yield Move(("the queue delivers a message",), partial(deliver, state, batch))
        if state.may(Fault.DUPLICATE):
            words = ("the queue delivers a message", Fault.DUPLICATE)
            yield Move(words, partial(deliver, spend(state, Fault.DUPLICATE), batch, keep=True))


def _sweeps(state: State) -> Iterator[Move]:
    if state.sweeps_left:
        rest = state._replace(sweeps_left=state.sweeps_left - 1)
        yield Move(("the sweeper begins",), partial(begin, rest, Sweep(forgets=state.scenario.deletes > 0)))


def _polls(state: State) -> Iterator[Move]:
    if state.polls_left:
        rest = state._replace(polls_left=state.polls_left - 1)
        for kind, request_id in product((Poll, PollOfMany), state.standing):
            program = kind(request_id, state.world.now)
            yield Move(("somebody asks for the", program), partial(begin, rest, program))


def _deletes(state: State) -> Iterator[Move]:
    if state.deletes_left:
        rest = state._replace(deletes_left=state.deletes_left - 1)
        for request_id in state.standing:
            program = Delete(request_id, state.world.now)
            yield Move(("the", program, "begins"), partial(begin, rest, program))


def _accidents(state: State) -> Iterator[Move]:
    for fault, happen in ACCIDENTS.items():
        if state.may(fault):
            spent = spend(state, fault)
            for what, world in happen(state.world):
                yield Move((what, fault), partial(spent._replace, world=world))


def _time_passing(state: State) -> Iterator[Move]:
    """Time passes only as far as every actor may live; the death of one that is too slow is a fault of its own."""
    later = next_instant(state)
    if later is not None and all(actor.started_at + actor.program.limit >= later for actor in state.actors):
        yield Move((f"it is {later:g} s now",), partial(state._replace, world=state.world._replace(now=later)))
