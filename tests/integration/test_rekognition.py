from contextlib import nullcontext

import pytest

from imagescan.aws import clients
from imagescan.aws.detect_labels import detect_labels
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
from imagescan.domain.labels import LOWEST_CONFIDENCE, Label
from imagescan.domain.match import Box
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
    return Rekognition(clients.rekognition(), BUCKET, detect_labels, AdaptiveRateLimiter())


@pytest.fixture
def stored(env: MotoEnvironment) -> StoredObject:
    put = env.resources.s3.put_object(Bucket=BUCKET, Key=KEY, Body=image_bytes())
    return StoredObject(KEY, put["VersionId"], HASH, "a-request")


def test_labels_are_parsed_completely(rekognition: Rekognition, stored: StoredObject, env: MotoEnvironment) -> None:
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


def test_detect_uses_the_given_object_version(
    rekognition: Rekognition, stored: StoredObject, env: MotoEnvironment
) -> None:
    env.resources.s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"a newer version")
    env.detector.labels = {HASH: [label("Dog")]}
    assert rekognition.detect(stored).findings == (Label("Dog", 97.5),)
    [request] = env.detector.requests
    assert request["Image"]["S3Object"] == {"Bucket": BUCKET, "Name": KEY, "Version": stored.version}
    assert request["MinConfidence"] == LOWEST_CONFIDENCE


class RecordingRateLimiter(AdaptiveRateLimiter):
    """Records its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.recorded: list[object] = []

    def acquire(self) -> float:
        self.recorded.append("acquire")
        return 7.0

    def on_success(self) -> None:
        self.recorded.append("on_success")

    def on_throttle(self, slot: float) -> None:
        self.recorded.append(("on_throttle", slot))


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([], "on_success"),
        ([(400, "InvalidImageFormatException")], "on_success"),
        ([(400, "ThrottlingException")], ("on_throttle", 7.0)),
        ([(400, "ProvisionedThroughputExceededException")], ("on_throttle", 7.0)),
    ],
)
def test_every_call_acquires_a_slot_and_reports_its_result(
    stored: StoredObject, env: MotoEnvironment, errors: list[tuple[int, str]], expected: object
) -> None:
    limiter = RecordingRateLimiter()
    env.detector.errors.extend(errors)
    with pytest.raises(DetectionError) if errors else nullcontext():
        Rekognition(clients.rekognition(), BUCKET, detect_labels, limiter).detect(stored)
    assert limiter.recorded == ["acquire", expected]


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
        ((418, "UndocumentedException"), TransientDetectorError),
    ],
)
def test_an_error_is_raised_as_its_class_without_a_retry(
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


def test_a_call_with_a_lost_response_is_not_retried_and_may_be_billed(
    rekognition: Rekognition, stored: StoredObject, env: MotoEnvironment
) -> None:
    env.transport.inject({0: InjectedFault.RESPONSE_LOST})
    with pytest.raises(TransientDetectorError) as raised:
        rekognition.detect(stored)
    assert raised.value.may_be_billed
    assert env.detector.calls[HASH] == 1
