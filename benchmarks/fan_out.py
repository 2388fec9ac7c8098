"""Benchmark ``fan-out``.

Measures: the time of a status call, and the time to the first terminal answer, for an image with 10,000 pending
requests, median of 100.
Baseline: the same for an image with one pending request, in the same tables.
Target: a ratio of at most 1.2.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from statistics import median

from benchmarks.measurement import Measurement
from imagescan.aws.s3_events import s3_event_message
from imagescan.domain.content import content_item_key
from imagescan.domain.feature import Feature
from imagescan.domain.image import ValidatedImage, validate_image
from imagescan.domain.image_header import ImageType
from testing.functions import image_bytes
from testing.moto_environment import MotoEnvironment
from testing.moto_environments import attached_sdk, moto_environment
from testing.recording_transport import InjectedFault, Killed
from testing.resources import IMAGES

MANY = 10_000
ROUNDS = 100
TARGET = 1.2


@dataclass(frozen=True, slots=True)
class PendingImage:
    """An image and one of its pending requests."""

    env: MotoEnvironment
    image: ValidatedImage
    request_id: str

    @classmethod
    def submit(cls, requests: int, env: MotoEnvironment) -> "PendingImage":
        """Submit an image of its own with this number of requests."""
        request_id = env.functions.submit(image_bytes(requests)).body["request_id"]
        env.resources.copy_request(request_id, requests - 1)
        return cls(env, validate_image(image_bytes(requests), ImageType.PNG), request_id)

    def status(self) -> str:
        """Get the status of the request through the status handler."""
        return str(self.env.functions.get(self.request_id).body["status"])

    def scan(self) -> None:
        """Run the scanner and stop it before it looks for requests to settle, so that all of them stay pending."""
        self.env.transport.inject_into("Query", InjectedFault.KILL_BEFORE)
        message = {"MessageId": "m", "ReceiptHandle": "m", "Body": s3_event_message(self.image.key)}
        with suppress(Killed):
            self.env.functions.scan(message | {"Attributes": {"ApproximateReceiveCount": "1"}})
        self.env.transport.reset()

    def reset(self) -> None:
        """Delete the items of the image and of its content, as if it had never been scanned."""
        for item in (self.image.hash, content_item_key(self.image.content_hash or "", Feature.LABELS)):
            self.env.resources.dynamodb.delete_item(TableName=IMAGES, Key={"image_hash": {"S": item}})


def measure() -> Iterator[Measurement]:
    """Alternate between an image with many requests and an image with one, in the same tables."""
    with redirect_stdout(StringIO()), attached_sdk() as sdk, moto_environment(sdk) as env:
        images = [PendingImage.submit(MANY, env), PendingImage.submit(1, env)]
        rounds = [[_seconds_to_status_and_answer(image) for image in images] for _ in range(ROUNDS)]
    for at, metric in enumerate(("status with 10,000 pending requests", "first terminal answer with 10,000 pending")):
        many, one = (median(each[image][at] for each in rounds) * 1000 for image in range(len(images)))
        yield Measurement("fan-out", metric, many, one, TARGET, "ms")


def _seconds_to_status_and_answer(image: PendingImage) -> tuple[float, float]:
    """Return the seconds of a status call, and of the scan with the status call after it."""
    pending = _seconds(image.status, "pending")
    started = time.perf_counter()
    image.scan()
    answered = time.perf_counter() - started + _seconds(image.status, "completed")
    image.reset()
    return pending, answered


def _seconds(get_status: Callable[[], str], expected: str) -> float:
    started = time.perf_counter()
    status = get_status()
    if status != expected:
        raise RuntimeError(f"The status is {status}, not {expected}.")
    return time.perf_counter() - started
