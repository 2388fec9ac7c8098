from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from time import sleep
from typing import Any

import pytest
from botocore.exceptions import ClientError

from imagescan.aws import clients
from imagescan.aws.pace import Pace, keep
from imagescan.aws.rekognition import PACED_SECONDS, Rekognition
from imagescan.images import StoredObject
from imagescan.labels import LOWEST_CONFIDENCE, Box, Label
from imagescan.scan import Detection, DetectionError, DetectorBusy, DetectorMisused, ImageRefused
from tests.integration.functions import picture
from tests.integration.rekognition_double import CAT, label
from tests.integration.resources import BUCKET
from tests.integration.wire import Mishap
from tests.integration.world import World, hash_of

HASH = hash_of(picture())
KEY = f"images/{HASH}.png"
SOMETHING = StoredObject(KEY, None, HASH, "a-request")
THROTTLED = (400, "ProvisionedThroughputExceededException")


@pytest.fixture
def rekognition(world: World) -> Rekognition:
    assert world.detector.calls.total() == 0
    return Rekognition(clients.rekognition(), clients.rekognition_paced, BUCKET)


@pytest.fixture
def stored(world: World) -> StoredObject:
    put = world.resources.s3.put_object(Bucket=BUCKET, Key=KEY, Body=picture())
    return StoredObject(KEY, put["VersionId"], HASH, "a-request")


def test_labels_are_read_with_all_they_say(rekognition: Rekognition, stored: StoredObject, world: World) -> None:
    bare = {"Name": "Wall", "Confidence": 25.123456}
    world.detector.shows = {HASH: [*CAT, bare]}
    box = Box(0.1, 0.2, 0.3, 0.4, 96.0)
    assert rekognition.detect(stored) == Detection(
        (
            Label("Cat", 97.5, ("Animal",), ("Feline",), ("Animals and Pets",), (box,)),
            Label("Animal", 98.0),
            Label("Wall", 25.1235),
        ),
        "3.0",
    )


def test_the_very_version_is_asked_about(rekognition: Rekognition, stored: StoredObject, world: World) -> None:
    world.resources.s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"something else since")
    world.detector.shows = {HASH: [label("Dog")]}
    assert rekognition.detect(stored).labels == (Label("Dog", 97.5),)
    [question] = world.detector.asked
    assert question["Image"]["S3Object"] == {"Bucket": BUCKET, "Name": KEY, "Version": stored.version}
    assert question["MinConfidence"] == LOWEST_CONFIDENCE


def test_a_client_gives_way_to_another_a_minute_after_its_last_throttled_call(
    rekognition: Rekognition, stored: StoredObject, world: World
) -> None:
    now = 0.0

    def client_at(seconds: float, *errors: tuple[int, str]) -> object:
        nonlocal now
        now = seconds
        world.detector.errors.extend(errors)
        with pytest.raises(DetectorBusy) if errors else nullcontext():
            rekognition.detect(stored)
        return rekognition.client

    rekognition.clock = lambda: now
    first = client_at(0, THROTTLED)
    assert client_at(PACED_SECONDS - 1, THROTTLED) is first
    assert client_at(2 * PACED_SECONDS - 2) is first
    second = client_at(2 * PACED_SECONDS - 1)
    assert second is not first
    assert client_at(100 * PACED_SECONDS, (500, "InternalServerError")) is second
    assert client_at(200 * PACED_SECONDS, THROTTLED) is second
    assert client_at(201 * PACED_SECONDS) is not second


class Client:
    """Each call takes the next of ``calls`` to answer it, and sees nothing once there is none."""

    def __init__(self, *calls: Callable[[], object]) -> None:
        self.calls = list(calls)

    def detect_labels(self, **_: object) -> object:
        if self.calls:
            self.calls.pop(0)()
        return {"Labels": [], "LabelModelVersion": "3.0"}


def throttle() -> None:
    raise ClientError({"Error": {"Code": THROTTLED[1]}}, "DetectLabels")


def test_a_call_in_flight_ends_on_its_client_and_says_nothing_of_the_next() -> None:
    now = 0.0

    def throttle_late() -> None:
        nonlocal now
        now = PACED_SECONDS
        rekognition.detect(SOMETHING)
        assert rekognition.client is second
        throttle()

    first: Any = Client(throttle, throttle_late)
    second: Any = Client()
    rekognition = Rekognition(first, [second].pop, BUCKET, lambda: now)
    for _ in range(2):
        with pytest.raises(DetectorBusy):
            rekognition.detect(SOMETHING)
    now = 10 * PACED_SECONDS
    rekognition.detect(SOMETHING)
    assert rekognition.client is second


def test_the_ten_threads_of_a_batch_make_one_client() -> None:
    def make() -> Any:
        made.append(Client())
        sleep(0.05)  # enough for all the others to come here too
        return made[-1]

    now = 0.0
    made: list[Any] = []
    first: Any = Client(throttle)
    rekognition = Rekognition(first, make, BUCKET, lambda: now)
    with pytest.raises(DetectorBusy):
        rekognition.detect(SOMETHING)
    now = PACED_SECONDS
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(rekognition.detect, [SOMETHING] * 10))
    assert made == [rekognition.client]


class Noted(Pace):
    """What a client tells its pace."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[object] = []

    def wait(self) -> float:
        self.told.append("waits")
        return 7.0

    def passed(self) -> None:
        self.told.append("passed")

    def throttled(self, turn: float) -> None:
        self.told.append(("throttled", turn))


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ([], "passed"),
        ([(400, "InvalidImageFormatException")], "passed"),
        ([(400, "ThrottlingException")], ("throttled", 7.0)),
        ([(400, "ProvisionedThroughputExceededException")], ("throttled", 7.0)),
    ],
)
def test_every_call_waits_for_its_turn_and_tells_what_came_of_it(
    stored: StoredObject, world: World, errors: list[tuple[int, str]], told: object
) -> None:
    pace, client = Noted(), clients.rekognition_paced()
    keep(pace, client)
    world.detector.errors.extend(errors)
    with pytest.raises(DetectionError) if errors else nullcontext():
        Rekognition(client, clients.rekognition_paced, BUCKET).detect(stored)
    assert pace.told == ["waits", told]


def test_a_client_slows_down_once_a_call_of_it_was_throttled(
    stored: StoredObject, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowed: list[float] = []
    monkeypatch.setattr(Pace, "throttled", lambda _, turn: slowed.append(turn))
    world.detector.errors.append(THROTTLED)
    with pytest.raises(DetectorBusy):
        Rekognition(clients.rekognition(), clients.rekognition_paced, BUCKET).detect(stored)
    assert len(slowed) == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ((400, "InvalidImageFormatException"), ImageRefused),
        ((400, "ImageTooLargeException"), ImageRefused),
        ((400, "AccessDeniedException"), DetectorMisused),
        ((400, "InvalidS3ObjectException"), DetectorMisused),
        ((400, "ThrottlingException"), DetectorBusy),
        ((400, "ProvisionedThroughputExceededException"), DetectorBusy),
        ((500, "InternalServerError"), DetectorBusy),
        ((503, "ServiceUnavailable"), DetectorBusy),
        ((418, "NobodyKnowsThisException"), DetectorBusy),
    ],
)
def test_an_error_is_raised_as_its_kind_after_one_call(
    rekognition: Rekognition,
    stored: StoredObject,
    world: World,
    error: tuple[int, str],
    kind: type[DetectionError],
) -> None:
    world.detector.errors.append(error)
    with pytest.raises(kind) as raised:
        rekognition.detect(stored)
    assert raised.value.code == error[1]
    assert world.detector.calls[HASH] == 1


def test_a_call_whose_answer_was_lost_is_not_sent_again_but_counts(
    rekognition: Rekognition, stored: StoredObject, world: World
) -> None:
    world.wire.plan({0: Mishap.ANSWER_LOST})
    with pytest.raises(DetectorBusy) as raised:
        rekognition.detect(stored)
    assert raised.value.charged
    assert world.detector.calls[HASH] == 1
