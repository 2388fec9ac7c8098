"""A state of the model: the system, the running actors, and the remaining choices."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from tests.model_checking.actors import Actor, Checkpoint
from tests.model_checking.faults import MAY_REPEAT_BILLING, Fault
from tests.model_checking.system_state import (
    EMPTY_SYSTEM,
    ImageItem,
    QueuedMessage,
    Submission,
    SystemState,
    Table,
    day_of,
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """The bounds of one model: submissions, faults, and the instants (seconds) of the clock.

    ``faults`` limits the number of faults of each kind, and ``max_faults`` their total. ``sweeps``, ``polls``,
    ``deletes`` and ``purge_runs`` limit how many of them start, at any time. ``rescans`` are the failure codes of the
    rescans that start, in this order. With ``pages_per_sweep``, the time of each sweep suffices only for this many
    pages. ``max_receives`` is the queue's redrive policy. ``batches`` also allows deliveries of all messages in the
    queue. With a ``daily_rekognition_limit``, the quota of the first day is already used up. ``daily_limit_per_caller``
    limits the submissions of new images. ``initial_messages`` and ``initial_system`` are the system at the start. With
    ``slow_uploads``, an upload may complete at any time after its URL expired. ``initial_attempts`` counts the attempts
    of an attempt budget that the initial system has begun.
    """

    name: str
    submissions: tuple[Submission, ...]
    faults: tuple[tuple[Fault, int], ...] = ()
    max_faults: int = 99
    instants: tuple[float, ...] = (0.0,)
    sweeps: int = 0
    polls: int = 0
    deletes: int = 0
    purge_runs: int = 0
    rescans: tuple[str, ...] = ()
    pages_per_sweep: int = 0
    batches: bool = False
    slow_uploads: bool = False
    max_receives: int = 2
    max_attempts: int = 5
    initial_attempts: int = 0
    daily_rekognition_limit: int = 0
    daily_limit_per_caller: int = 0
    initial_messages: tuple[str, ...] = ()
    initial_system: SystemState = EMPTY_SYSTEM


class RunningActor(NamedTuple):
    """A running Lambda invocation. ``name`` is unique.

    ``messages`` are the messages of its delivery. ``present_keys`` are the keys whose bytes existed and matched their
    hash when it started, with their number of versions.
    """

    name: str
    checkpoint: Checkpoint
    started_at: float
    messages: tuple[QueuedMessage, ...] = ()
    present_keys: frozenset[tuple[str, int]] = frozenset()

    @property
    def actor(self) -> Actor:
        return self.checkpoint.actor

    def __str__(self) -> str:
        return f"{self.actor} #{self.name}"


class State(NamedTuple):
    """``accepted`` holds the requests that were accepted, ``faults_remaining`` the faults that may still occur."""

    scenario: Scenario
    system: SystemState
    faults_remaining: Table[int]
    total_faults_remaining: int
    sweeps_remaining: int
    polls_remaining: int
    deletes_remaining: int
    purge_runs_remaining: int
    rescans_remaining: tuple[str, ...]
    actors: tuple[RunningActor, ...] = ()
    accepted: frozenset[str] = frozenset()
    submitted: int = 0
    next_actor_id: int = 0

    def can_inject(self, fault: Fault) -> bool:
        return self.total_faults_remaining > 0 and self.faults_remaining.get(fault, 0) > 0

    @property
    def accepted_ids(self) -> list[str]:
        """Return the IDs of the requests that were accepted and not deleted."""
        return sorted(self.accepted - self.system.deleted_requests.keys())

    @property
    def billable_faults(self) -> int:
        """Return the number of injected faults after which an image may be billed once more."""
        return sum(
            limit - self.faults_remaining[fault] for fault, limit in self.scenario.faults if fault in MAY_REPEAT_BILLING
        )

    def was_injected(self, fault: Fault) -> bool:
        return self.faults_remaining.get(fault, 0) < dict(self.scenario.faults).get(fault, 0)

    def key(self) -> int:
        """Return a 64-bit hash. States that differ only in the names of actors are equivalent and have equal keys.

        For leases and attempts of finished actors, only their number counts.
        """
        system = self.system
        items = [system.images[image_hash] for image_hash in sorted(system.images)]
        return hash(
            (
                system.now,
                tuple(sorted(_actor_key(running, items) for running in self.actors)),
                self._images_key(),
                system.requests,
                system.objects,
                system.queue,
                system.dead_letters,
                system.billed_calls,
                system.billed_by_day,
                system.quota_used,
                system.purges,
                system.deleted_requests,
                system.sweep_position,
                system.last_requeued,
                system.possessions,
                self.faults_remaining,
                self.total_faults_remaining,
                self.sweeps_remaining,
                self.polls_remaining,
                self.deletes_remaining,
                self.purge_runs_remaining,
                self.rescans_remaining,
                self.accepted,
                self.submitted,
            )
        )

    def _images_key(self) -> frozenset[object]:
        living = {running.name for running in self.actors}
        return frozenset(
            (
                image_hash,
                item.first_leased_at,
                item.lease_owner is not None and item.lease_owner.partition(".")[0] in living,
                len(item.attempts),
                *item[_AFTER_OWNER:],
            )
            for image_hash, item in self.system.images.items()
        )


_AFTER_OWNER = ImageItem._fields.index("lease_owner") + 1


def _actor_key(running: RunningActor, items: Sequence[ImageItem]) -> tuple[object, ...]:
    """Return the key of an actor: in place of its name, the leases and attempts that contain it."""
    name = running.name
    owned = tuple(map(partial(_owned, f"{name}."), items)) if running.messages else ()
    messages = tuple(message.receives for message in running.messages)
    return running.checkpoint.number, running.started_at, len(running.present_keys), messages, owned


def _owned(prefix: str, item: ImageItem) -> tuple[tuple[str, ...], ...]:
    """Return the threads of the actor with this prefix that hold the lease of the item, and that attempted it."""
    owners = [item.lease_owner] if item.lease_owner else []
    return tuple(
        tuple(sorted(each.removeprefix(prefix) for each in names if each.startswith(prefix)))
        for names in (owners, item.attempts)
    )


def initial_state(scenario: Scenario) -> State:
    initial_messages = tuple(QueuedMessage(body) for body in scenario.initial_messages)
    now, limit = scenario.instants[0], scenario.daily_rekognition_limit
    used_up = Table({day_of(now): limit} if limit else {})
    system = scenario.initial_system._replace(
        now=now, queue=initial_messages, billed_by_day=used_up, quota_used=used_up
    )
    return State(
        scenario,
        system,
        Table(Counter(dict(scenario.faults))),
        scenario.max_faults,
        scenario.sweeps,
        scenario.polls,
        scenario.deletes,
        scenario.purge_runs,
        scenario.rescans,
        accepted=frozenset(system.requests),
    )
