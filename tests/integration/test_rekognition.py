import pytest
from botocore.retries.bucket import TokenBucket

from imagescan.aws import clients
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


def test_for_a_minute_after_a_throttled_call_calls_are_made_at_the_rate_that_comes_through(
    rekognition: Rekognition, stored: StoredObject, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled() -> None:
        world.detector.errors.append((400, "ProvisionedThroughputExceededException"))
        with pytest.raises(DetectorBusy):
            rekognition.detect(stored)

    def waited_in(calls: int) -> int:
        waited.clear()
        for _ in range(calls):
            rekognition.detect(stored)
        return len(waited)

    waited: list[object] = []
    monkeypatch.setattr(TokenBucket, "acquire", lambda _: waited.append(None))
    now = 0.0
    rekognition.clock = lambda: now
    throttled()
    throttled()
    now = PACED_SECONDS - 1
    assert waited_in(2) == 2
    now = PACED_SECONDS
    assert waited_in(2) == 0


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
