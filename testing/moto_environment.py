"""Everything together on moto, and time that passes when a test says so."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from testing.fake_event_bus import FakeEventBus
from testing.fake_rekognition import FakeRekognition
from testing.functions import Clock, Functions, Trigger
from testing.recording_transport import RecordingTransport
from testing.resources import QUEUE_URL, REQUESTS, Resources
from testing.streams import Streams

MINUTE = 60.0


@dataclass(frozen=True)
class MotoEnvironment:
    """``wire`` counts and breaks what the functions call; ``resources`` looks on from outside."""

    clock: Clock
    transport: RecordingTransport
    detector: FakeRekognition
    bus: FakeEventBus
    resources: Resources
    functions: Functions
    trigger: Trigger
    streams: Streams

    def pass_time(self, seconds: float) -> None:
        """Time passes, and with it every visibility time-out."""
        self.clock.now += seconds
        self.trigger.end_visibility_timeouts()

    def recover(self) -> None:
        """What the service does by itself: messages come again, early and late, and the sweeper has its rounds."""
        for minutes in (0, 1, 5, 6, 11, 11, 30, 30):
            if self.is_at_rest:
                break
            self.pass_time(minutes * MINUTE)
            self.trigger.deliver_all()
            self.functions.sweep()
            self.trigger.deliver_all()

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing waits, in the table or in the queue."""
        return not self.resources.depth(QUEUE_URL) and not self.resources.rows(REQUESTS, index="pending_by_image")

    def requests(self) -> list[dict[str, Any]]:
        """Every stored request as its reader sees it now."""
        ids = [row["request_id"]["S"] for row in self.resources.rows(REQUESTS)]
        return [self.functions.get(request_id).body for request_id in ids]


def hash_of(content: bytes) -> str:
    return sha256(content).hexdigest()
