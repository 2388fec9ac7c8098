"""The complete service on moto, with a clock that a test advances."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from testing.fake_event_bus import FakeEventBus
from testing.fake_rekognition import FakeRekognition
from testing.functions import Clock, Functions, Trigger
from testing.recording_transport import RecordingTransport
from testing.resources import BUCKET, QUEUE_URL, REQUESTS, Resources
from testing.streams import Streams

MINUTE = 60.0


@dataclass(frozen=True)
class MotoEnvironment:
    """The functions with their resources and fakes.

    ``transport`` records the AWS calls of the functions and injects faults. ``resources`` bypasses both.
    """

    clock: Clock
    transport: RecordingTransport
    detector: FakeRekognition
    bus: FakeEventBus
    resources: Resources
    functions: Functions
    trigger: Trigger
    streams: Streams

    def upload(self, content: bytes, request: dict[str, Any]) -> None:
        """Upload the bytes directly to S3, as a client does, with the upload of the response body ``request``."""
        url, headers = urlsplit(request["upload"]["url"]), request["upload"]["headers"]
        self.resources.s3.put_object(
            Bucket=BUCKET,
            Key=url.path.lstrip("/"),
            Body=content,
            ContentType=headers["Content-Type"],
            ChecksumAlgorithm="SHA256",  # moto stores a checksum only if the algorithm is named
            ChecksumSHA256=headers["x-amz-checksum-sha256"],
            Metadata={"request-id": headers["x-amz-meta-request-id"]},
        )

    def pass_time(self, seconds: float) -> None:
        """Advance the clock and expire all visibility timeouts."""
        self.clock.now += seconds
        self.trigger.expire_visibility_timeouts()

    def recover(self) -> None:
        """Let the service recover by itself: redeliver messages and run the sweeper, for up to 94 minutes."""
        for minutes in (0, 1, 5, 6, 11, 11, 30, 30):
            if self.is_idle:
                break
            self.pass_time(minutes * MINUTE)
            self.trigger.deliver_all()
            self.functions.sweep()
            self.trigger.deliver_all()

    @property
    def is_idle(self) -> bool:
        """Whether no request is pending and the scan queue is empty."""
        return not self.resources.depth(QUEUE_URL) and not self.resources.items(REQUESTS, index="pending_by_image")

    def requests(self) -> list[dict[str, Any]]:
        """Return the current response body of each stored request."""
        ids = [item["request_id"]["S"] for item in self.resources.items(REQUESTS)]
        return [self.functions.get(request_id).body for request_id in ids]


def hash_of(content: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    return sha256(content).hexdigest()
