"""Benchmark ``scan-deduplication``.

Measures: Rekognition calls when images are delivered more than once.
Baseline: the number of distinct images.
Target: a ratio of exactly 1.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from benchmarks.measurement import Measurement
from testing.functions import Context, batch_event, image_bytes
from testing.moto_environment import MotoEnvironment
from testing.moto_environments import attached_sdk, moto_environment
from testing.recording_transport import RecordingTransport, Responder
from testing.resources import QUEUE_URL

DELIVERIES = 10
_TIMEOUT = 60.0  # seconds


class DetectionHook:
    """Run a callback during the next Rekognition call."""

    def __init__(self) -> None:
        self.callback: Callable[[], object] | None = None

    def transport(self, answering: dict[str, Responder]) -> RecordingTransport:
        """Return a transport that runs the callback."""
        detect = answering["rekognition"]

        def answer(request: AWSPreparedRequest) -> AWSResponse:
            callback, self.callback = self.callback, None
            if callback:
                callback()
            return detect(request)

        return RecordingTransport(answering | {"rekognition": answer})


def measure() -> Iterator[Measurement]:
    """Run each case on new resources."""
    hook = DetectionHook()
    with attached_sdk(hook.transport) as sdk:
        for metric, case in _CASES.items():
            with moto_environment(sdk) as env:
                case(env, hook)
                _finish(env)
                calls = env.detector.calls
                yield Measurement("scan-deduplication", metric, calls.total(), len(calls), 1.0, "calls", exact=True)


def _ten_at_once(env: MotoEnvironment, hook: DetectionHook) -> None:
    """Deliver one message 10 times at once. Nine deliveries end before the one that scans the image gets a response."""
    others_done = Event()
    hook.callback = lambda: others_done.wait(_TIMEOUT)
    message = _message(env)
    with env.functions.running("ScannerFunction") as handler, ThreadPoolExecutor(DELIVERIES) as pool:
        running = [pool.submit(handler, batch_event(message), Context()) for _ in range(DELIVERIES)]
        for count, each in enumerate(as_completed(running, timeout=_TIMEOUT), start=1):
            each.result()
            if count == DELIVERIES - 1:
                others_done.set()


def _redelivery_during_scan(env: MotoEnvironment, hook: DetectionHook) -> None:
    message = _message(env)
    hook.callback = lambda: env.functions.scan(message)
    env.functions.scan(message)


def _duplicates_in_a_batch(env: MotoEnvironment, _: DetectionHook) -> None:
    for shade in (0, 1, 2, 0, 1, 2, 0, 1, 2, 0):
        env.functions.submit(image_bytes(shade))
    env.trigger.deliver()


def _message(env: MotoEnvironment) -> dict[str, Any]:
    """Submit a new image and return its message as received from the queue."""
    env.functions.submit(image_bytes())
    [message] = env.trigger.receive()
    return message


def _finish(env: MotoEnvironment) -> None:
    """Deliver all retries. Raise RuntimeError if a request is still pending or a message is left."""
    env.recover()
    if not env.is_idle or env.resources.depth(QUEUE_URL):
        raise RuntimeError("A request is still pending, or a message is left in the queue.")


_CASES: dict[str, Callable[[MotoEnvironment, DetectionHook], None]] = {
    "10 concurrent deliveries of one image": _ten_at_once,
    "redelivery during a scan": _redelivery_during_scan,
    "batch of 10 with 3 distinct images": _duplicates_in_a_batch,
}
