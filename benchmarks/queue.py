"""The scan queue with its rules, without SQS: visibility, counted receives, dead letters.

Times are seconds of any clock.
"""

import heapq
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from imagescan.aws.s3_events import s3_event_message
from testing.resources import TEMPLATE

BATCH_SIZE: int = TEMPLATE.properties("ScannerFunction")["Events"]["Uploads"]["Properties"]["BatchSize"]
MOST_RECEIVES: int = TEMPLATE.properties("ScanQueue")["RedrivePolicy"]["maxReceiveCount"]


@dataclass(order=True)
class Message:
    """One image's s3_event_message; ``visible_at`` is from when it can be received."""

    visible_at: float
    id: str
    body: str = field(compare=False)
    receives: int = field(default=0, compare=False)


class Queue:
    """Fed with messages, each with the time from which it is there; threads may share it."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._waiting = list(messages)
        heapq.heapify(self._waiting)
        self._in_flight: set[str] = set()
        self._lock = threading.Lock()
        self.done: list[Message] = []
        self.dead: list[Message] = []

    def send(self, message: Message) -> None:
        """Take one more."""
        with self._lock:
            heapq.heappush(self._waiting, message)

    def receive(self, now: float) -> list[Message]:
        """Up to a batch of what is visible now; what came too often before becomes a dead letter instead."""
        batch: list[Message] = []
        with self._lock:
            while len(batch) < BATCH_SIZE and self._waiting and self._waiting[0].visible_at <= now:
                message = heapq.heappop(self._waiting)
                if message.receives == MOST_RECEIVES:
                    self.dead.append(message)
                    continue
                message.receives += 1
                batch.append(message)
            self._in_flight.update(message.id for message in batch)
        return batch

    def answer(self, batch: Sequence[Message], failed: Collection[str], delays: Mapping[str, int], now: float) -> None:
        """Delete what did not fail; the rest comes again after its delay (seconds, by id)."""
        with self._lock:
            for message in batch:
                self._in_flight.remove(message.id)
                if message.id in failed:
                    message.visible_at = now + delays[message.id]
                    heapq.heappush(self._waiting, message)
                else:
                    self.done.append(message)

    def has_visible(self, now: float) -> bool:
        """Whether anything could be received now."""
        with self._lock:
            return bool(self._waiting) and self._waiting[0].visible_at <= now

    @property
    def depth(self) -> int:
        """How many wait or are in flight."""
        with self._lock:
            return len(self._waiting) + len(self._in_flight)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits and nothing is in flight."""
        with self._lock:
            return not self._waiting and not self._in_flight


def announced(number: int, at: float = 0.0) -> Message:
    """The s3_event_message of an image that no other number has, visible from then."""
    return Message(at, f"m{number}", s3_event_message(f"images/{number:064x}.png"))


def event(batch: Sequence[Message]) -> dict[str, Any]:
    """The batch as Lambda hands it to the scanner; a message's receipt handle is its id."""
    return {"Records": [_record(message) for message in batch]}


def failed_in(result: Any) -> set[str]:
    """The ids that the scanner gave back."""
    return {failure["itemIdentifier"] for failure in result["batchItemFailures"]}


def _record(message: Message) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "receiptHandle": message.id,
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": str(message.receives)},
    }
