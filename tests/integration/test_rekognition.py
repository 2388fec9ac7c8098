from contextlib import nullcontext

import pytest

from imagescan.aws import clients
from imagescan.aws.pace import Pace
from imagescan.aws.rekognition import Rekognition
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
    return Rekognition(clients.rekognition(), BUCKET, Pace())


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


class Noted(Pace):
    """What it is told."""

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
    pace = Noted()
    world.detector.errors.extend(errors)
    with pytest.raises(DetectionError) if errors else nullcontext():
        Rekognition(clients.rekognition(), BUCKET, pace).detect(stored)
    assert pace.told == ["waits", told]


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
