"""In-memory scan queue with the rules of the template: visibility timeout, receive count, dead letters.

Times are seconds of any clock.
"""

import heapq
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.fake_aws import THREE_FEATURES_FROM, hash_for, request_id_for
from imagescan.aws.s3_events import s3_event_message
from testing.resources import TEMPLATE

BATCH_SIZE: int = TEMPLATE.properties("ScannerFunction")["Events"]["Uploads"]["Properties"]["BatchSize"]
MAX_RECEIVES: int = TEMPLATE.properties("ScanQueue")["RedrivePolicy"]["maxReceiveCount"]


@dataclass(order=True)
class Message:
    """The S3 event message of one image. It can be received from ``visible_at`` on."""

    visible_at: float
    id: str
    body: str = field(compare=False)
    receives: int = field(default=0, compare=False)


class Queue:
    """Thread-safe queue."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._waiting = list(messages)
        heapq.heapify(self._waiting)
        self._in_flight: set[str] = set()
        self._lock = threading.Lock()
        self.done: list[Message] = []
        self.dead: list[Message] = []

    def send(self, message: Message) -> None:
        """Add a message."""
        with self._lock:
            heapq.heappush(self._waiting, message)

    def receive(self, now: float) -> list[Message]:
        """Return up to one batch of visible messages. Messages with too many receives become dead letters instead."""
        batch: list[Message] = []
        with self._lock:
            while len(batch) < BATCH_SIZE and self._waiting and self._waiting[0].visible_at <= now:
                message = heapq.heappop(self._waiting)
                if message.receives == MAX_RECEIVES:
                    self.dead.append(message)
                    continue
                message.receives += 1
                batch.append(message)
            self._in_flight.update(message.id for message in batch)
        return batch

    def complete(
        self, batch: Sequence[Message], failed: Collection[str], delays: Mapping[str, int], now: float
    ) -> None:
        """Delete the messages that did not fail. Make the others visible after their delay (seconds, by ID)."""
        with self._lock:
            for message in batch:
                self._in_flight.remove(message.id)
                if message.id in failed:
                    message.visible_at = now + delays[message.id]
                    heapq.heappush(self._waiting, message)
                else:
                    self.done.append(message)

    def has_visible(self, now: float) -> bool:
        """Return whether a message can be received now."""
        with self._lock:
            return bool(self._waiting) and self._waiting[0].visible_at <= now

    @property
    def depth(self) -> int:
        """Return the number of messages, including those in flight."""
        with self._lock:
            return len(self._waiting) + len(self._in_flight)

    @property
    def is_empty(self) -> bool:
        """Return whether no message is left or in flight."""
        with self._lock:
            return not self._waiting and not self._in_flight


def message_for(number: int, at: float = 0.0) -> Message:
    """Return the message of a distinct image for each number, visible from ``at`` on."""
    return Message(at, f"m{number}", s3_event_message(f"images/{hash_for(number)}.png"))


def message_for_three_features(number: int) -> Message:
    """Return the message of a distinct image whose request needs three features, for each number."""
    number += THREE_FEATURES_FROM
    return Message(0.0, f"m{number}", s3_event_message(f"uploads/{request_id_for(number)}/{hash_for(number)}.png"))


def event(batch: Sequence[Message]) -> dict[str, Any]:
    """Return the Lambda event for a batch. The receipt handle of a message is its ID."""
    return {"Records": [_record(message) for message in batch]}


def failed_in(result: Any) -> set[str]:
    """Return the message IDs that the scanner reported as failed."""
    return {failure["itemIdentifier"] for failure in result["batchItemFailures"]}


def _record(message: Message) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "receiptHandle": message.id,
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": str(message.receives)},
    }
