"""Row 5: calls of Rekognition for each distinct image, whatever comes twice."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from benchmarks.figure import Figure
from testing.functions import Context, batch_event, picture
from testing.moto_environment import MotoEnvironment
from testing.moto_environments import attached_sdk, moto_environment
from testing.recording_transport import Answering, RecordingTransport
from testing.resources import QUEUE_URL

DELIVERIES = 10
_LONG = 60.0  # seconds, for what takes a few


class Meanwhile:
    """Rekognition on the transport, with something that happens while it looks at the next image."""

    def __init__(self) -> None:
        self.happens: Callable[[], object] | None = None

    def wire(self, answering: dict[str, Answering]) -> RecordingTransport:
        """A wire on which it does."""
        detect = answering["rekognition"]

        def answer(request: AWSPreparedRequest) -> AWSResponse:
            happens, self.happens = self.happens, None
            if happens:
                happens()
            return detect(request)

        return RecordingTransport(answering | {"rekognition": answer})


def measure() -> Iterator[Figure]:
    """Each case on resources of its own."""
    meanwhile = Meanwhile()
    with attached_sdk(meanwhile.transport) as sdk:
        for metric, case in _CASES.items():
            with moto_environment(sdk) as env:
                case(env, meanwhile)
                _finish(env)
                calls = env.detector.calls
                yield Figure(5, metric, calls.total(), len(calls), 1.0, "calls of Rekognition", exact=True)


def _ten_at_once(env: MotoEnvironment, meanwhile: Meanwhile) -> None:
    """The nine that do not get to scan it are through before the one that does has its answer."""
    through = Event()
    meanwhile.happens = lambda: through.wait(_LONG)
    message = _message(env)
    with env.functions.running("ScannerFunction") as handler, ThreadPoolExecutor(DELIVERIES) as pool:
        running = [pool.submit(handler, batch_event(message), Context()) for _ in range(DELIVERIES)]
        for count, each in enumerate(as_completed(running, timeout=_LONG), start=1):
            each.result()
            if count == DELIVERIES - 1:
                through.set()


def _again_in_mid_scan(env: MotoEnvironment, meanwhile: Meanwhile) -> None:
    message = _message(env)
    meanwhile.happens = lambda: env.functions.scan(message)
    env.functions.scan(message)


def _repeats_in_a_batch(env: MotoEnvironment, _: Meanwhile) -> None:
    for shade in (0, 1, 2, 0, 1, 2, 0, 1, 2, 0):
        env.functions.submit(picture(shade))
    env.trigger.deliver()


def _message(env: MotoEnvironment) -> dict[str, Any]:
    """The one that announces a new image, as it is received."""
    env.functions.submit(picture())
    [message] = env.trigger.receive()
    return message


def _finish(env: MotoEnvironment) -> None:
    """All that comes again comes again. Raises RuntimeError if something waits after that."""
    env.recover()
    if not env.is_at_rest or env.resources.depth(QUEUE_URL):
        raise RuntimeError("A request still waits, or a message.")


_CASES: dict[str, Callable[[MotoEnvironment, Meanwhile], None]] = {
    "10 deliveries of an image at once": _ten_at_once,
    "the same image again in mid-scan": _again_in_mid_scan,
    "a batch of 10 with 3 distinct images": _repeats_in_a_batch,
}
