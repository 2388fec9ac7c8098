from contextlib import nullcontext

import pytest

from imagescan.aws import clients
from imagescan.aws.rate_limiter import AdaptiveRateLimiter
from imagescan.aws.rekognition import Rekognition
from imagescan.domain.detection import (
    Detection,
    DetectionError,
    DetectorConfigurationError,
    ImageRejected,
    TransientDetectorError,
)
from imagescan.domain.image import StoredObject
from imagescan.domain.labels import LOWEST_CONFIDENCE, Box, Label
from testing.fake_rekognition import CAT, label
from testing.functions import image_bytes
from testing.moto_environment import MotoEnvironment, hash_of
from testing.recording_transport import InjectedFault
from testing.resources import BUCKET

HASH = hash_of(image_bytes())
KEY = f"images/{HASH}.png"
SOMETHING = StoredObject(KEY, None, HASH, "a-request")
THROTTLED = (400, "ProvisionedThroughputExceededException")


@pytest.fixture
def rekognition(env: MotoEnvironment) -> Rekognition:
    assert env.detector.calls.total() == 0
    return Rekognition(clients.rekognition(), BUCKET, AdaptiveRateLimiter())


@pytest.fixture
def stored(env: MotoEnvironment) -> StoredObject:
    put = env.resources.s3.put_object(Bucket=BUCKET, Key=KEY, Body=image_bytes())
    return StoredObject(KEY, put["VersionId"], HASH, "a-request")


def test_labels_are_read_with_all_they_say(
    rekognition: Rekognition, stored: StoredObject, env: MotoEnvironment
) -> None:
    bare = {"Name": "Wall", "Confidence": 25.123456}
    env.detector.labels = {HASH: [*CAT, bare]}
    box = Box(0.1, 0.2, 0.3, 0.4, 96.0)
    assert rekognition.detect(stored) == Detection(
        (
            Label("Cat", 97.5, ("Animal",), ("Feline",), ("Animals and Pets",), (box,)),
            Label("Animal", 98.0),
            Label("Wall", 25.1235),
        ),
        "3.0",
    )


def test_the_very_version_is_asked_about(rekognition: Rekognition, stored: StoredObject, env: MotoEnvironment) -> None:
    env.resources.s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"something else since")
    env.detector.labels = {HASH: [label("Dog")]}
    assert rekognition.detect(stored).labels == (Label("Dog", 97.5),)
    [question] = env.detector.requests
    assert question["Image"]["S3Object"] == {"Bucket": BUCKET, "Name": KEY, "Version": stored.version}
    assert question["MinConfidence"] == LOWEST_CONFIDENCE


class Noted(AdaptiveRateLimiter):
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
    stored: StoredObject, env: MotoEnvironment, errors: list[tuple[int, str]], told: object
) -> None:
    pace = Noted()
    env.detector.errors.extend(errors)
    with pytest.raises(DetectionError) if errors else nullcontext():
        Rekognition(clients.rekognition(), BUCKET, pace).detect(stored)
    assert pace.told == ["waits", told]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ((400, "InvalidImageFormatException"), ImageRejected),
        ((400, "ImageTooLargeException"), ImageRejected),
        ((400, "AccessDeniedException"), DetectorConfigurationError),
        ((400, "InvalidS3ObjectException"), DetectorConfigurationError),
        ((400, "ThrottlingException"), TransientDetectorError),
        ((400, "ProvisionedThroughputExceededException"), TransientDetectorError),
        ((500, "InternalServerError"), TransientDetectorError),
        ((503, "ServiceUnavailable"), TransientDetectorError),
        ((418, "NobodyKnowsThisException"), TransientDetectorError),
    ],
)
def test_an_error_is_raised_as_its_kind_after_one_call(
    rekognition: Rekognition,
    stored: StoredObject,
    env: MotoEnvironment,
    error: tuple[int, str],
    kind: type[DetectionError],
) -> None:
    env.detector.errors.append(error)
    with pytest.raises(kind) as raised:
        rekognition.detect(stored)
    assert raised.value.code == error[1]
    assert env.detector.calls[HASH] == 1


def test_a_call_whose_answer_was_lost_is_not_sent_again_but_counts(
    rekognition: Rekognition, stored: StoredObject, env: MotoEnvironment
) -> None:
    env.transport.inject({0: InjectedFault.RESPONSE_LOST})
    with pytest.raises(TransientDetectorError) as raised:
        rekognition.detect(stored)
    assert raised.value.may_be_billed
    assert env.detector.calls[HASH] == 1
