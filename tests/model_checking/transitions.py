"""The transitions that are enabled in a state: of actors, faults, the queue and the clock."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, product

from imagescan.aws.image_bucket import UPLOAD_URL_SECONDS
from tests.model_checking import image_bucket, scan_queue
from tests.model_checking.actors import BatchPoll, Delete, Poll, Purge, Rescan, Sweep
from tests.model_checking.apply import crash, deliver, execute_call, finish, next_instant, start_actor, start_submission
from tests.model_checking.fault_injection import ENVIRONMENT_FAULTS, consume, inject
from tests.model_checking.faults import Fault
from tests.model_checking.state import RunningActor, State


@dataclass(frozen=True, slots=True)
class Transition:
    """One transition. Applying it returns the next state or raises InvariantViolation."""

    description: tuple[object, ...]
    apply: Callable[[], State]

    def __str__(self) -> str:
        return " ".join(map(str, self.description))


def format_trace(transitions: Iterable[Transition]) -> str:
    """Return the trace as text, one line per transition."""
    return "\n".join(f"{number:4}. {transition}" for number, transition in enumerate(transitions, 1))


def enabled_transitions(state: State) -> list[Transition]:
    """Return all enabled transitions in a deterministic order."""
    return list(
        chain(
            _submission_transitions(state),
            *(_actor_transitions(state, running) for running in state.actors),
            _upload_transitions(state),
            _delivery_transitions(state),
            _sweep_transitions(state),
            _poll_transitions(state),
            _delete_transitions(state),
            _fault_transitions(state),
            _clock_transitions(state),
        )
    )


def _submission_transitions(state: State) -> Iterator[Transition]:
    if state.submitted < len(state.scenario.submissions):
        submission = state.scenario.submissions[state.submitted]
        description = (
            f"submit {state.submitted + 1} starts: does image {submission.image[0].upper()} show {submission.label!r}?"
        )
        yield Transition((description,), partial(start_submission, state))


def _actor_transitions(state: State, running: RunningActor) -> Iterator[Transition]:
    if running.checkpoint.outcome:
        yield Transition((running, "returns to Lambda"), partial(finish, state, running))
    for thread, call in running.checkpoint.pending.items():
        yield Transition((running, call), partial(execute_call, state, running, thread, call))
        for fault in call.operation.faults:
            if state.can_inject(fault):
                yield Transition((running, call, fault), partial(inject, state, running, thread, call, fault))
    if state.can_inject(Fault.CRASH):
        yield Transition((running, Fault.CRASH), partial(crash, consume(state, Fault.CRASH), running))


def _upload_transitions(state: State) -> Iterator[Transition]:
    """Every client with a presigned URL may upload the bytes, even after the deletion of the request."""
    for request in [
        *map(state.system.requests.__getitem__, state.accepted_ids),
        *state.system.deleted_requests.values(),
    ]:
        is_open = state.scenario.slow_uploads or state.system.now <= request.created_at + UPLOAD_URL_SECONDS
        if request.awaits_upload and is_open and request.image_key not in state.system.objects:
            description = f"the client uploads the bytes of {request.id} to the bucket"
            yield Transition(
                (description,), partial(state._replace, system=image_bucket.with_upload(state.system, request))
            )


def _delivery_transitions(state: State) -> Iterator[Transition]:
    batches = [(message,) for message in scan_queue.distinct_messages(state.system)]
    if state.scenario.batches and len(state.system.queue) > 1:
        yield Transition(("the queue delivers all messages in one batch",), partial(deliver, state, state.system.queue))
    for batch in batches:
        yield Transition(("the queue delivers a message",), partial(deliver, state, batch))
        if state.can_inject(Fault.DUPLICATE_DELIVERY):
            description = ("the queue delivers a message", Fault.DUPLICATE_DELIVERY)
            yield Transition(description, partial(deliver, consume(state, Fault.DUPLICATE_DELIVERY), batch, keep=True))


def _sweep_transitions(state: State) -> Iterator[Transition]:
    if state.sweeps_remaining:
        rest = state._replace(sweeps_remaining=state.sweeps_remaining - 1)
        yield Transition(("the sweeper starts",), partial(start_actor, rest, Sweep(state.scenario.pages_per_sweep)))
    if state.purge_runs_remaining:
        rest = state._replace(purge_runs_remaining=state.purge_runs_remaining - 1)
        yield Transition(("the purger starts",), partial(start_actor, rest, Purge()))
    if state.rescans_remaining:
        failure_code, *others = state.rescans_remaining
        rest = state._replace(rescans_remaining=tuple(others))
        yield Transition(("the rescan starts",), partial(start_actor, rest, Rescan(failure_code, state.system.now)))


def _poll_transitions(state: State) -> Iterator[Transition]:
    if state.polls_remaining:
        rest = state._replace(polls_remaining=state.polls_remaining - 1)
        for kind, request_id in product((Poll, BatchPoll), state.accepted_ids):
            actor = kind(request_id, state.system.now, state.system.requests[request_id].owner)
            yield Transition(("a client requests the", actor), partial(start_actor, rest, actor))


def _delete_transitions(state: State) -> Iterator[Transition]:
    if state.deletes_remaining:
        rest = state._replace(deletes_remaining=state.deletes_remaining - 1)
        for request_id in state.accepted_ids:
            actor = Delete(request_id, state.system.now, state.system.requests[request_id].owner)
            yield Transition(("the", actor, "starts"), partial(start_actor, rest, actor))


def _fault_transitions(state: State) -> Iterator[Transition]:
    for fault, inject_into in ENVIRONMENT_FAULTS.items():
        if state.can_inject(fault):
            spent = consume(state, fault)
            for target, system in inject_into(state.system):
                yield Transition((target, fault), partial(spent._replace, system=system))


def _clock_transitions(state: State) -> Iterator[Transition]:
    """The clock advances only within the timeout of every actor. An actor that times out is the fault CRASH."""
    next_time = next_instant(state)
    if next_time is not None and all(running.started_at + running.actor.limit >= next_time for running in state.actors):
        yield Transition(
            (f"the clock advances to {next_time:g} s",),
            partial(state._replace, system=state.system._replace(now=next_time)),
        )
