"""The scan queue and its dead-letter queue in memory.

A message in the queue may be delivered at any time, in any order. When it is given back, or its delivery died, it is
in the queue again at once: "any time" includes the time when its visibility time-out ends. Only ids need a number.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from imagescan.aws.s3_events import s3_event_message
from imagescan.domain.scan_message import ScanMessage
from tests.model_checking.calls import Caller, operation
from tests.model_checking.faults import WRITE
from tests.model_checking.world import World


class ScanQueue:
    def __init__(self, call: Caller) -> None:
        self._call = call

    def enqueue(self, key: str) -> None:
        self._call(_announce(key))

    def give_back(self, delays: Mapping[ScanMessage, int]) -> None:
        if delays:
            self._call(_give_back())


@operation("queues image {0} again", WRITE)
def _announce(world: World, key: str) -> tuple[World, None]:
    return send(world, key), None


@operation("says how long to hold unfinished messages back", WRITE, is_immediate=True)
def _give_back(world: World) -> tuple[World, None]:
    return world, None


def send(world: World, key: str) -> World:
    """The world with a new message that announces the image under ``key``."""
    message = ScanMessage("", "receipt", s3_event_message(key), receives=0)
    return world._replace(queue=_sorted([*world.queue, message]))


def take(world: World, messages: Iterable[ScanMessage]) -> World:
    """The world without these messages in the queue."""
    rest = list(world.queue)
    for message in messages:
        rest.remove(message)
    return world._replace(queue=tuple(rest))


def give_back(world: World, messages: Iterable[ScanMessage], max_receives: int) -> World:
    """The world with these messages in the queue again, or among the dead letters when that was once too often."""
    again = [message for message in messages if message.receives < max_receives]
    dead = [message for message in messages if message.receives >= max_receives]
    return world._replace(queue=_sorted([*world.queue, *again]), dead_letters=_sorted([*world.dead_letters, *dead]))


def distinct(world: World) -> list[ScanMessage]:
    """The messages in the queue, equal ones once: it makes no difference which of them comes first."""
    return list(dict.fromkeys(world.queue))


def received(message: ScanMessage) -> ScanMessage:
    return replace(message, receives=message.receives + 1)


def _sorted(messages: Iterable[ScanMessage]) -> tuple[ScanMessage, ...]:
    return tuple(sorted(messages, key=lambda message: (message.body, message.receives)))
