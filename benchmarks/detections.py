"""Row 5: calls of Rekognition for each distinct image, whatever comes twice."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from benchmarks.figure import Figure
from tests.integration.functions import Context, batch_event, picture
from tests.integration.resources import QUEUE_URL
from tests.integration.wire import Answering, Wire
from tests.integration.world import World
from tests.integration.worlds import attached_sdk, world_of

DELIVERIES = 10
_LONG = 60.0  # seconds, for what takes a few


class Meanwhile:
    """Rekognition on the wire, with something that happens while it looks at the next image."""

    def __init__(self) -> None:
        self.happens: Callable[[], object] | None = None

    def wire(self, answering: dict[str, Answering]) -> Wire:
        """A wire on which it does."""
        detect = answering["rekognition"]

        def answer(request: AWSPreparedRequest) -> AWSResponse:
            happens, self.happens = self.happens, None
            if happens:
                happens()
            return detect(request)

        return Wire(answering | {"rekognition": answer})


def measure() -> Iterator[Figure]:
    """Each case on resources of its own."""
    meanwhile = Meanwhile()
    with attached_sdk(meanwhile.wire) as sdk:
        for metric, case in _CASES.items():
            with world_of(sdk) as world:
                case(world, meanwhile)
                _finish(world)
                calls = world.detector.calls
                yield Figure(5, metric, calls.total(), len(calls), 1.0, "calls of Rekognition", exact=True)


def _ten_at_once(world: World, meanwhile: Meanwhile) -> None:
    """The nine that do not get to scan it are through before the one that does has its answer."""
    through = Event()
    meanwhile.happens = lambda: through.wait(_LONG)
    message = _message(world)
    with world.functions.running("ScannerFunction") as handler, ThreadPoolExecutor(DELIVERIES) as pool:
        running = [pool.submit(handler, batch_event(message), Context()) for _ in range(DELIVERIES)]
        for count, each in enumerate(as_completed(running, timeout=_LONG), start=1):
            each.result()
            if count == DELIVERIES - 1:
                through.set()


def _again_in_mid_scan(world: World, meanwhile: Meanwhile) -> None:
    message = _message(world)
    meanwhile.happens = lambda: world.functions.scan(message)
    world.functions.scan(message)


def _repeats_in_a_batch(world: World, _: Meanwhile) -> None:
    for shade in (0, 1, 2, 0, 1, 2, 0, 1, 2, 0):
        world.functions.submit(picture(shade))
    world.trigger.deliver()


def _message(world: World) -> dict[str, Any]:
    """The one that announces a new image, as it is received."""
    world.functions.submit(picture())
    [message] = world.trigger.receive()
    return message


def _finish(world: World) -> None:
    """All that comes again comes again. Raises RuntimeError if something waits after that."""
    world.recover()
    if not world.is_at_rest or world.resources.depth(QUEUE_URL):
        raise RuntimeError("A request still waits, or a message.")


_CASES: dict[str, Callable[[World, Meanwhile], None]] = {
    "10 deliveries of an image at once": _ten_at_once,
    "the same image again in mid-scan": _again_in_mid_scan,
    "a batch of 10 with 3 distinct images": _repeats_in_a_batch,
}
