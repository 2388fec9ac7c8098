"""From every state a good end can still be reached: let nothing go wrong any more, and see where it leads."""

from functools import partial

from imagescan.domain.scan_request import NEVER_UPLOADED, TIMED_OUT, effective_deadline
from imagescan.use_cases.sweep import REQUEUE_AFTER_SECONDS
from tests.model_checking.image_bucket import has_right_bytes
from tests.model_checking.images_table import image_in
from tests.model_checking.invariants import Violated, check
from tests.model_checking.moves import Move, numbered
from tests.model_checking.programs import Sweep
from tests.model_checking.state import Actor, State
from tests.model_checking.steps import begin, deliver, finish, step
from tests.model_checking.world import World

SWEEP_SECONDS = 300.0

# A message may be lost just after the image was queued again, and that may have happened just now: two patiences, each
# followed by a sweep, and a lease that a dead delivery left behind.
TIME_ENOUGH_SECONDS = 2 * (REQUEUE_AFTER_SECONDS + SWEEP_SECONDS) + 100
MOST_MOVES = 5000
_TOO_LATE = (TIMED_OUT, NEVER_UPLOADED)


class FairEnd:
    """Remembers for each state, by its key, which requests time out although nothing goes wrong any more."""

    def __init__(self) -> None:
        self._timed_out: dict[int, frozenset[str]] = {}

    def check(self, key: int, state: State) -> None:
        """Raises Violated when the end leaves a request waiting or an image that was to go.

        So it does when one times out that had time enough.
        """
        way: list[Move] = []
        try:
            end = self._end(key, state, way)
        except Violated as violated:
            violated.add_note("and then, although nothing goes wrong any more:\n" + numbered(way))
            raise
        for request_id in end:
            if _has_time(state, request_id):
                raise Violated(f"{request_id} times out in the end, although nothing goes wrong any more")

    def _end(self, key: int, state: State, way: list[Move]) -> frozenset[str]:
        path = []
        while key not in self._timed_out:
            path.append(key)
            move = fair_move(state)
            if move is None:
                _check_removed(state.world)
                self._timed_out[key] = _timed_out(state)
                break
            way.append(move)
            if len(path) > MOST_MOVES:
                raise Violated("requests wait for ever, or images that are to go")
            following = move.apply()
            check(state, following)
            key, state = following.key(), following
        self._timed_out.update(dict.fromkeys(path, self._timed_out[key]))
        return self._timed_out[key]


def _timed_out(state: State) -> frozenset[str]:
    rows = state.world.requests.values()
    return frozenset(row.id for row in rows if row.answer and row.answer.failure in _TOO_LATE)


def _check_removed(world: World) -> None:
    """Nothing that was uploaded for a deleted request is left, and nothing that was seen on it."""
    deleted = world.deleted.keys()
    uploaded_for = {version.request_id for versions in world.objects.values() for version in versions}
    scanned_for = {row.scan.scanned_for for row in world.images.values() if row.scan}
    for request_id in sorted(deleted & (uploaded_for | scanned_for)):
        raise Violated(f"{request_id} was deleted, and its image is kept for ever")


def _has_time(state: State, request_id: str) -> bool:
    request = state.world.requests.get(request_id)
    if request is None or request_id not in state.accepted:
        return False
    deadline = effective_deadline(request, image_in(state.world.images, request.image_hash))
    return has_right_bytes(state.world, request.image_key) and state.world.now + TIME_ENOUGH_SECONDS <= deadline


def fair_move(state: State) -> Move | None:
    """What comes next when nothing goes wrong any more: actors finish, messages arrive, the sweeper comes on time.

    None when nothing is left to do.
    """
    if state.actors:
        return _fair_step(state, state.actors[0])
    if state.world.queue:
        return Move(("the queue delivers a message",), partial(deliver, state, state.world.queue[:1]))
    is_marked = any(row.marked_at is not None for row in state.world.images.values())
    if all(row.answer for row in state.world.requests.values()) and not is_marked:
        return None
    later = state._replace(world=state.world._replace(now=state.world.now + SWEEP_SECONDS))
    return Move(
        (f"it is {later.world.now:g} s now, and the sweeper begins",),
        partial(begin, later, Sweep(forgets=state.scenario.deletes > 0)),
    )


def _fair_step(state: State, actor: Actor) -> Move:
    if actor.place.end:
        return Move((actor, "answers Lambda"), partial(finish, state, actor))
    strand, call = next(iter(actor.place.pending.items()))
    return Move((actor, call), partial(step, state, actor, strand, call))
