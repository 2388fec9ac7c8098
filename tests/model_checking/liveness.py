"""Liveness under fairness: from every state, without further faults, every request is answered and every purge ends."""

from functools import partial

from imagescan.domain.feature import hash_from_item_key
from imagescan.domain.policy import REQUEST_STORED_SECONDS
from imagescan.domain.scan_request import NEVER_UPLOADED, TIMED_OUT, ScanRequest, effective_deadline, visible_items
from imagescan.use_cases.sweep import REQUEUE_AFTER_SECONDS
from tests.model_checking.actors import Purge, Sweep
from tests.model_checking.apply import deliver, execute_call, finish, start_actor
from tests.model_checking.faults import Fault
from tests.model_checking.image_bucket import has_right_bytes
from tests.model_checking.images_table import items_in, possession_in
from tests.model_checking.invariants import InvariantViolation, check, is_reopening_allowed
from tests.model_checking.state import RunningActor, State
from tests.model_checking.system_state import ImageItem, SystemState
from tests.model_checking.transitions import Transition, format_trace

SWEEP_SECONDS = 300.0

# The worst case: the image was requeued just now and that message was lost. Two requeue delays, each followed by a
# sweep, and the lease of a crashed delivery.
# Each of these sweeps comes one interval later if a pass over the pages takes two runs.
SUFFICIENT_SECONDS = 2 * (REQUEUE_AFTER_SECONDS + SWEEP_SECONDS) + 100
SECONDS_FOR_PARTIAL_SWEEPS = 2 * SWEEP_SECONDS
MAX_STEPS = 5000
_TIMEOUT_CODES = (TIMED_OUT.code, NEVER_UPLOADED.code)


class LivenessChecker:
    """Caches, by the key of a state, which requests time out without further faults."""

    def __init__(self) -> None:
        self._timed_out: dict[int, frozenset[str]] = {}

    def check(self, key: int, state: State) -> None:
        """Raise InvariantViolation if a request stays pending, an image stays unpurged, or a request times out early.

        A request times out early if it times out although it had sufficient time.
        """
        trace: list[Transition] = []
        try:
            end = self._final_timeouts(key, state, trace)
        except InvariantViolation as error:
            error.add_note("then, without further faults:\n" + format_trace(trace))
            raise
        for request_id in end:
            if _has_sufficient_time(state, request_id):
                raise InvariantViolation(f"{request_id} times out without further faults")

    def _final_timeouts(self, key: int, state: State, trace: list[Transition]) -> frozenset[str]:
        path = []
        while key not in self._timed_out:
            path.append(key)
            transition = fair_step(state)
            if transition is None:
                _check_purged(state)
                self._timed_out[key] = _timed_out(state)
                break
            trace.append(transition)
            if len(path) > MAX_STEPS:
                raise InvariantViolation("a request stays pending forever, or an image is never purged")
            next_state = transition.apply()
            check(state, next_state)
            key, state = next_state.key(), next_state
        self._timed_out.update(dict.fromkeys(path, self._timed_out[key]))
        return self._timed_out[key]


def _timed_out(state: State) -> frozenset[str]:
    items = state.system.requests.values()
    failed = [item for item in items if item.answer and item.answer.failure]
    timed_out = [item for item in failed if _failure_code(item) in _TIMEOUT_CODES]
    return frozenset(item.id for item in timed_out if not _is_out_of_budgets(state.system, item))


def _failure_code(request: ScanRequest) -> str | None:
    return request.answer.failure.code if request.answer and request.answer.failure else None


def _is_out_of_budgets(system: SystemState, request: ScanRequest) -> bool:
    """Return whether an item of the image could not be reopened on the day of the deadline."""
    items = [system.images.get(key, ImageItem()) for key in request.item_keys]
    return any(item.is_exhausted and not is_reopening_allowed(item, request.deadline) for item in items)


def _check_purged(state: State) -> None:
    """Check that no bytes and no scan results of a deleted request remain, and no bytes of one that was not accepted.

    If the submission crashed, or more than one call failed, bytes may remain until the end of the retention period.
    """
    system = state.system
    deleted_requests = system.deleted_requests.keys()
    uploaded_for = {version.request_id for versions in system.objects.values() for version in versions}
    for request_id in sorted(_rejected(system)):
        raise InvariantViolation(f"bytes that were rejected as {request_id} are never purged")
    for request_id in sorted(_not_accepted(state) - deleted_requests):
        raise InvariantViolation(f"{request_id} was not accepted, but its bytes are never purged")
    scanned_for = {item.scan.scanned_for for item in system.images.values() if item.scan}
    for request_id in sorted(deleted_requests & (uploaded_for | scanned_for)):
        raise InvariantViolation(f"{request_id} was deleted, but its image is never purged")


def _rejected(system: SystemState) -> set[str]:
    """Return the requests for other images than the bytes that were stored for them."""
    stored = [version for versions in system.objects.values() for version in versions if not version.is_removed]
    requested = [(version.content, system.requests.get(version.request_id or "")) for version in stored]
    return {request.id for content, request in requested if request and content not in {None, request.image_hash}}


def _not_accepted(state: State) -> set[str]:
    """Return the submissions that failed because of a single call, and whose bytes remain.

    The scanner does not examine the bytes of an exhausted image.
    """
    faults = state.scenario.max_faults - state.total_faults_remaining
    if faults > 1 or state.was_injected(Fault.CRASH) or state.system.dead_letters:
        return set()
    versions = [version for versions in state.system.objects.values() for version in versions]
    exhausted = {hash_from_item_key(key) for key, item in state.system.images.items() if item.is_exhausted}
    uploaded = {version.request_id for version in versions if version.request_id and version.content not in exhausted}
    submitted = {f"r{number}" for number in range(1, state.submitted + 1)}
    return (uploaded & submitted) - state.system.requests.keys()


def _has_sufficient_time(state: State, request_id: str) -> bool:
    request = state.system.requests.get(request_id)
    if request is None or request_id not in state.accepted:
        return False
    items = items_in(state.system.images, request.image_hash)
    seen = visible_items(request, items, possession_in(state.system.possessions, request))
    deadline = effective_deadline(request, seen)
    sufficient = SUFFICIENT_SECONDS + bool(state.scenario.pages_per_sweep) * SECONDS_FOR_PARTIAL_SWEEPS
    return has_right_bytes(state.system, request.image_key) and state.system.now + sufficient <= deadline


def fair_step(state: State) -> Transition | None:
    """Return the next transition without faults: actors finish, messages are delivered, the sweeper runs on schedule.

    The purger runs as often. Return None when nothing remains to be done.
    """
    if state.actors:
        return _next_actor_step(state, state.actors[0])
    if state.system.queue:
        message = state.system.queue[0]
        delay = REQUEST_STORED_SECONDS if message.receives else 0
        later = state._replace(system=state.system._replace(now=state.system.now + delay))
        return Transition((f"the queue delivers a message after {delay} s",), partial(deliver, later, (message,)))
    if not _is_marked(state.system) and all(
        item.answer or item.image_hash in state.system.malformed_images for item in state.system.requests.values()
    ):
        return None
    later = state._replace(system=state.system._replace(now=state.system.now + SWEEP_SECONDS))
    return Transition(
        (f"the clock advances to {later.system.now:g} s, and the sweeper starts",),
        partial(_start_scheduled, later),
    )


def _start_scheduled(state: State) -> State:
    swept = start_actor(state, Sweep(state.scenario.pages_per_sweep))
    return start_actor(swept, Purge()) if _is_marked(state.system) else swept


def _is_marked(system: SystemState) -> bool:
    return any(item.purge_mark for item in system.images.values())


def _next_actor_step(state: State, running: RunningActor) -> Transition:
    if running.checkpoint.outcome:
        return Transition((running, "returns to Lambda"), partial(finish, state, running))
    thread, call = next(iter(running.checkpoint.pending.items()))
    return Transition((running, call), partial(execute_call, state, running, thread, call))
