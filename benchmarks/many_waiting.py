"""Row 9: whether the 10,000 requests that wait for one image slow down its answer, or the telling of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from statistics import median

from benchmarks.figure import Figure
from imagescan.aws.s3_events import s3_event_message
from imagescan.domain.image import validate_image
from imagescan.domain.image_header import ImageType
from testing.functions import picture
from testing.moto_environment import MotoEnvironment
from testing.moto_environments import attached_sdk, moto_environment
from testing.recording_transport import InjectedFault, Killed
from testing.resources import IMAGES

MANY = 10_000
ROUNDS = 100
TARGET = 1.2
# A lease, a look at the object, Rekognition and the terminal write: then the scanner begins to settle.
CALLS_TO_THE_ANSWER = 4


@dataclass(frozen=True, slots=True)
class Waited:
    """An image, and one of the requests that wait for it."""

    env: MotoEnvironment
    key: str
    request_id: str

    @classmethod
    def by(cls, requests: int, env: MotoEnvironment) -> "Waited":
        """Submits a picture of its own, as often as that."""
        request_id = env.functions.submit(picture(requests)).body["request_id"]
        env.resources.ask_again(request_id, requests - 1)
        return cls(env, validate_image(picture(requests), ImageType.PNG).key, request_id)

    def ask(self) -> str:
        """How the request stands."""
        return str(self.env.functions.get(self.request_id).body["status"])

    def scan(self) -> None:
        """The scanner up to the terminal write, where it is stopped: so all still wait."""
        self.env.transport.plan({CALLS_TO_THE_ANSWER: InjectedFault.DIES_BEFORE})
        message = {"MessageId": "m", "ReceiptHandle": "m", "Body": s3_event_message(self.key)}
        with suppress(Killed):
            self.env.functions.scan(message | {"Attributes": {"ApproximateReceiveCount": "1"}})
        self.env.transport.reset()

    def forget(self) -> None:
        """As if the image had never been scanned."""
        image_hash = self.key.removeprefix("images/").partition(".")[0]
        self.env.resources.dynamodb.delete_item(TableName=IMAGES, Key={"image_hash": {"S": image_hash}})


def measure() -> Iterator[Figure]:
    """One image with a request and one with many, in the same tables, by turns."""
    with redirect_stdout(StringIO()), attached_sdk() as sdk, moto_environment(sdk) as env:
        images = [Waited.by(MANY, env), Waited.by(1, env)]
        rounds = [[_asked_and_answered(image) for image in images] for _ in range(ROUNDS)]
    for at, metric in enumerate(("status of one request of 10,000 for an image", "their first terminal answer")):
        of_many, of_one = (median(each[image][at] for each in rounds) * 1000 for image in range(len(images)))
        yield Figure(9, metric, of_many, of_one, TARGET, "ms")


def _asked_and_answered(image: Waited) -> tuple[float, float]:
    """Seconds to tell that it waits, and to scan it and tell its answer."""
    asked = _seconds(image.ask, "pending")
    began = time.perf_counter()
    image.scan()
    answered = time.perf_counter() - began + _seconds(image.ask, "completed")
    image.forget()
    return asked, answered


def _seconds(ask: Callable[[], str], expected: str) -> float:
    began = time.perf_counter()
    status = ask()
    if status != expected:
        raise RuntimeError(f"the request is {status}, not {expected}")
    return time.perf_counter() - began
