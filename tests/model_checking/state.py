"""One state of everything: the world, the actors in the middle of their code, and what may still be chosen."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from imagescan.domain.scan_message import ScanMessage
from tests.model_checking.faults import COSTLY, Fault
from tests.model_checking.programs import Place, Program
from tests.model_checking.world import EMPTY, Ask, ImageRow, Table, World, day_of


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is explored: who asks what, how often each fault may strike, and when the clock may stand still.

    ``faults`` strike at most so often of each kind, ``faults_in_all`` of all kinds; ``instants`` in seconds.
    ``deletes`` of requests may begin at any time. ``max_receives`` is the queue's redrive policy. ``batches`` lets a
    delivery have all that is in the queue. Where there is a limit of calls, others have spent the first day's already.
    ``world`` is what came of all that was before.
    """

    name: str
    submits: tuple[Ask, ...]
    faults: tuple[tuple[Fault, int], ...] = ()
    faults_in_all: int = 99
    instants: tuple[float, ...] = (0.0,)
    sweeps: int = 0
    polls: int = 0
    deletes: int = 0
    batches: bool = False
    max_receives: int = 2
    max_attempts: int = 5
    daily_rekognition_limit: int = 0
    mail: tuple[str, ...] = ()
    world: World = EMPTY


class Actor(NamedTuple):
    """A running function. ``name`` is never given twice.

    ``messages`` are those that its delivery holds, ``there`` the keys whose right bytes were there when it began.
    """

    name: str
    place: Place
    started_at: float
    messages: tuple[ScanMessage, ...] = ()
    there: frozenset[str] = frozenset()

    @property
    def program(self) -> Program:
        return self.place.program

    def __str__(self) -> str:
        return f"{self.program} #{self.name}"


class State(NamedTuple):
    """``accepted`` are the requests that somebody was promised an answer for; ``left`` the faults that may come."""

    scenario: Scenario
    world: World
    left: Table[int]
    faults_left: int
    sweeps_left: int
    polls_left: int
    deletes_left: int
    actors: tuple[Actor, ...] = ()
    accepted: frozenset[str] = frozenset()
    submitted: int = 0
    born: int = 0

    def may(self, fault: Fault) -> bool:
        return self.faults_left > 0 and self.left.get(fault, 0) > 0

    @property
    def standing(self) -> list[str]:
        """The requests that were accepted and not deleted since."""
        return sorted(self.accepted - self.world.deleted.keys())

    @property
    def costly_faults(self) -> int:
        """How many faults struck after which an image may have to be paid for once more."""
        return sum(most - self.left[fault] for fault, most in self.scenario.faults if fault in COSTLY)

    def struck(self, fault: Fault) -> bool:
        return self.left.get(fault, 0) < dict(self.scenario.faults).get(fault, 0)

    def key(self) -> int:
        """Equal for states that differ in nothing but the names of actors, and for others as good as never (64 bits).

        A lease or an attempt of an actor that is gone is nobody's: only that there is one counts.
        """
        world = self.world
        rows = [world.images[image_hash] for image_hash in sorted(world.images)]
        return hash(
            (
                world.now,
                tuple(sorted(_actor_key(actor, rows) for actor in self.actors)),
                self._images_key(),
                world.requests,
                world.objects,
                world.queue,
                world.dead_letters,
                world.paid,
                world.paid_on,
                world.calls,
                world.removals,
                world.deleted,
                self.left,
                self.faults_left,
                self.sweeps_left,
                self.polls_left,
                self.deletes_left,
                self.accepted,
                self.submitted,
            )
        )

    def _images_key(self) -> frozenset[object]:
        living = {actor.name for actor in self.actors}
        return frozenset(
            (image_hash, row.lease_owner in living, len(row.attempts), *row[_AFTER_OWNER:])
            for image_hash, row in self.world.images.items()
        )


_AFTER_OWNER = ImageRow._fields.index("lease_owner") + 1


def _actor_key(actor: Actor, rows: Sequence[ImageRow]) -> tuple[object, ...]:
    """Its name counts only by the leases and attempts that are in it."""
    name = actor.name
    owned = tuple((row.lease_owner == name, name in row.attempts) for row in rows) if actor.messages else ()
    messages = tuple(message.receives for message in actor.messages)
    return actor.place.number, actor.started_at, len(actor.there), messages, owned


def first_state(scenario: Scenario) -> State:
    mail = tuple(ScanMessage("", "receipt", body, 0) for body in scenario.mail)
    now, spent = scenario.instants[0], scenario.daily_rekognition_limit
    by_others = Table({day_of(now): spent} if spent else {})
    world = scenario.world._replace(now=now, queue=mail, paid_on=by_others, calls=by_others)
    return State(
        scenario,
        world,
        Table(Counter(dict(scenario.faults))),
        scenario.faults_in_all,
        scenario.sweeps,
        scenario.polls,
        scenario.deletes,
        accepted=frozenset(world.requests),
    )
