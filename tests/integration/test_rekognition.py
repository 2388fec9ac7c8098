import math
import time
from contextlib import nullcontext

import pytest

from imagescan.aws import clients
from imagescan.aws.detect_labels import detect_labels
from imagescan.aws.feature_adapters import feature_adapter
from imagescan.aws.rate_limiter import AdaptiveRateLimiter
from imagescan.aws.rekognition import Rekognition
from imagescan.domain.detection import (
    Detection,
    DetectionError,
    DetectorConfigurationError,
    ImageRejected,
    TransientDetectorError,
)
from imagescan.domain.feature import Feature
from imagescan.domain.image import StoredObject
from imagescan.domain.labels import LOWEST_CONFIDENCE, Label
from imagescan.domain.match import Box
from imagescan.domain.moderation import ModerationLabel
from imagescan.domain.text import TextLine, TextWord
from imagescan.handlers import scanner
from testing.fake_rekognition import CAT, label, moderation_label, text_line
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


# ---------------------------------------------------------------- features


def adapter(feature: Feature) -> Rekognition:
    return Rekognition(clients.rekognition(), BUCKET, feature_adapter(feature).detect, AdaptiveRateLimiter())


def test_moderation_labels_are_parsed_with_all_their_parents(stored: StoredObject, env: MotoEnvironment) -> None:
    env.detector.moderation = {
        HASH: [
            moderation_label("Bladed Weapon", 91.123456, "Weapons", 3),
            moderation_label("Weapons", 96.0, "Violence", 2),
            moderation_label("Violence", 96.0),
            {"Name": "Gambling", "Confidence": 25.0},
        ]
    }
    assert adapter(Feature.MODERATION).detect(stored) == Detection(
        (
            ModerationLabel("Bladed Weapon", 91.1235, ("Violence", "Weapons"), 3),
            ModerationLabel("Weapons", 96.0, ("Violence",), 2),
            ModerationLabel("Violence", 96.0),
            ModerationLabel("Gambling", 25.0),
        ),
        "7.0",
    )
    [request] = env.detector.requests
    assert request == {"Image": request["Image"], "MinConfidence": LOWEST_CONFIDENCE}


def test_moderation_labels_that_are_their_own_parents_are_parsed(stored: StoredObject, env: MotoEnvironment) -> None:
    env.detector.moderation = {HASH: [moderation_label("A", parent="B"), moderation_label("B", parent="A")]}
    found = adapter(Feature.MODERATION).detect(stored).findings
    assert [label.parents for label in found if isinstance(label, ModerationLabel)] == [("B",), ("A",)]


def test_lines_of_text_are_parsed_with_their_words(stored: StoredObject, env: MotoEnvironment) -> None:
    lines = [*text_line("Big SALE", 98.123456, first_id=0), *text_line("today", 90.0, first_id=7)]
    env.detector.text = {
        HASH: [each for each in lines if each["Type"] == "LINE"] + [each for each in lines if each["Type"] == "WORD"]
    }
    corners = ((0.1, 0.2), (0.4, 0.2), (0.4, 0.3), (0.1, 0.3))
    assert adapter(Feature.TEXT).detect(stored) == Detection(
        (
            TextLine(
                "Big SALE", 98.1235, corners, (TextWord("Big", 98.1235, corners), TextWord("SALE", 98.1235, corners))
            ),
            TextLine("today", 90.0, corners, (TextWord("today", 90.0, corners),)),
        ),
        "3.1",
    )
    [request] = env.detector.requests
    assert request == {"Image": request["Image"], "Filters": {"WordFilter": {"MinConfidence": LOWEST_CONFIDENCE}}}


@pytest.mark.parametrize(
    ("feature", "operation"),
    [
        (Feature.LABELS, "DetectLabels"),
        (Feature.MODERATION, "DetectModerationLabels"),
        (Feature.TEXT, "DetectText"),
    ],
)
def test_each_feature_calls_its_operation_for_the_given_object_version(
    stored: StoredObject, env: MotoEnvironment, feature: Feature, operation: str
) -> None:
    env.resources.s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"a newer version")
    adapter(feature).detect(stored)
    [request] = env.detector.requests
    assert (env.detector.operations, request["Image"]["S3Object"]) == (
        [operation],
        {"Bucket": BUCKET, "Name": KEY, "Version": stored.version},
    )


@pytest.mark.parametrize("feature", [Feature.MODERATION, Feature.TEXT])
def test_nothing_found_is_a_result(stored: StoredObject, feature: Feature) -> None:
    detection = adapter(feature).detect(stored)
    assert detection.findings == ()
    assert detection.model_version


@pytest.mark.parametrize("feature", [Feature.MODERATION, Feature.TEXT])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InvalidImageFormatException", ImageRejected),
        ("AccessDeniedException", DetectorConfigurationError),
        ("ThrottlingException", TransientDetectorError),
    ],
)
def test_the_errors_of_each_feature_are_classified(
    stored: StoredObject, env: MotoEnvironment, feature: Feature, code: str, kind: type[DetectionError]
) -> None:
    env.detector.errors.append((400, code))
    with pytest.raises(kind) as raised:
        adapter(feature).detect(stored)
    assert raised.value.code == code


def test_a_throttled_feature_does_not_slow_down_another_one(env: MotoEnvironment, stored: StoredObject) -> None:
    """Each operation has a quota of its own."""
    with env.functions.running("ScannerFunction"):
        detectors = scanner.dependencies().detectors
    env.transport.fail("DetectText", "ThrottlingException", times=3)
    for _ in range(3):
        with pytest.raises(TransientDetectorError):
            detectors[Feature.TEXT].detect(stored)
    rates = {feature: rate_of(detector) for feature, detector in detectors.items()}
    assert rates[Feature.TEXT] < math.inf
    assert rates[Feature.LABELS] == rates[Feature.MODERATION] == math.inf


def rate_of(detector: object) -> float:
    """Return the calls per second that the rate limiter of this detector allows now."""
    assert isinstance(detector, Rekognition)
    return detector.rate_limiter._rate_at(time.monotonic())  # noqa: SLF001 - acquire() would sleep
