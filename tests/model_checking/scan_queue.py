"""The scan queue and its dead-letter queue in memory.

A message in the queue can be delivered at any time, in any order. After a failed or crashed delivery it returns to the
queue immediately: "at any time" includes the time at which its visibility timeout ends. Messages have no IDs, so equal
messages are interchangeable.
"""

from collections.abc import Iterable, Mapping, Sequence

from imagescan.aws.s3_events import s3_event_message
from imagescan.domain.scan_message import ScanMessage
from imagescan.use_cases.sweep import REQUEUE_AFTER_SECONDS
from tests.model_checking.calls import Caller, operation
from tests.model_checking.faults import WRITE
from tests.model_checking.system_state import QueuedMessage, SystemState


class ScanQueue:
    def __init__(self, call: Caller) -> None:
        self._call = call

    def enqueue_all(self, keys: Sequence[str]) -> list[str]:
        self._call(_enqueue(tuple(keys)))
        return []

    def retry_later(self, delays: Mapping[ScanMessage, int]) -> None:
        if delays:
            self._call(_retry_later())


@operation("enqueues images", WRITE)
def _enqueue(system: SystemState, keys: Sequence[str]) -> tuple[SystemState, None]:
    for key in keys:
        last = system.last_requeued.get(key)
        is_early = last is not None and system.now - last < REQUEUE_AFTER_SECONDS
        system = with_message(system, key)._replace(
            last_requeued=system.last_requeued.with_item(key, system.now),
            early_requeues=system.early_requeues | ({key} if is_early else set()),
        )
    return system, None


@operation("delays the retry of unfinished messages", WRITE, is_immediate=True)
def _retry_later(system: SystemState) -> tuple[SystemState, None]:
    return system, None


def with_message(system: SystemState, key: str) -> SystemState:
    """Return the system with a new message for the image under ``key``."""
    return system._replace(queue=_sorted([*system.queue, QueuedMessage(s3_event_message(key))]))


def without_messages(system: SystemState, messages: Iterable[QueuedMessage]) -> SystemState:
    """Return the system without these messages in the queue."""
    rest = list(system.queue)
    for message in messages:
        rest.remove(message)
    return system._replace(queue=tuple(rest))


def with_returned_messages(system: SystemState, messages: Iterable[QueuedMessage], max_receives: int) -> SystemState:
    """Return the system with these messages in the queue, or in the dead-letter queue after ``max_receives``."""
    returned = list(messages)
    retried = [message for message in returned if message.receives < max_receives]
    dead = [message for message in returned if message.receives >= max_receives]
    dead_letters = _sorted([*system.dead_letters, *dead])
    return system._replace(queue=_sorted([*system.queue, *retried]), dead_letters=dead_letters)


def distinct_messages(system: SystemState) -> list[QueuedMessage]:
    """Return the messages in the queue without duplicates. Which of two equal messages is delivered is irrelevant."""
    return list(dict.fromkeys(system.queue))


def with_receive(message: QueuedMessage) -> QueuedMessage:
    return message._replace(receives=message.receives + 1)


def _sorted(messages: Iterable[QueuedMessage]) -> tuple[QueuedMessage, ...]:
    return tuple(sorted(messages))
