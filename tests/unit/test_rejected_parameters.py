"""Rekognition rejects the parameters of a call: a fault of the image, unless it may be one of the deployment."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from imagescan.aws.detect_labels import detect_labels
from imagescan.aws.rate_limiter import AdaptiveRateLimiter
from imagescan.aws.rekognition import PROOF_SECONDS, Rekognition
from imagescan.domain.detection import Detection, DetectionError, InvalidParametersError
from imagescan.domain.feature import Feature
from imagescan.domain.image import StoredObject
from imagescan.domain.image_header import HEADER_BYTES
from imagescan.domain.image_record import Status
from imagescan.use_cases.scan_image import Outcome, OutcomeKind, Scanner
from testing.fakes import HASH, KEY, FakeBucket, FakeDetector, FakeImages, FakeRequests
from testing.images import jpeg, png, segment

NOW = 1_000_000.0
STORED = StoredObject(KEY, "v1", HASH, None)
STRAY_BYTES = jpeg(60, 60, segments=segment(0xE0, b"JFIF\0") + b"??")
LATE_HEADER = jpeg(50, 50, segments=segment(0xEB, bytes(65_000)) * 17)
REJECTED, ACCEPTED = "InvalidParameterException", None


class FakeClient:
    """Answers each call with the next error code, or with labels for None."""

    def __init__(self, answers: Iterable[str | None]) -> None:
        self._answers = iter(answers)

    def detect_labels(self, **_: Any) -> dict[str, Any]:
        if code := next(self._answers):
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "DetectLabels")
        return {"Labels": [], "LabelModelVersion": "3.0"}


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


def detector(*answers: str | None, clock: Clock | None = None) -> Rekognition:
    client: Any = FakeClient(answers)
    rate_limiter = AdaptiveRateLimiter(sleep=lambda _: None)
    return Rekognition(client, "images", detect_labels, rate_limiter, clock or Clock())


def raised(rekognition: Rekognition) -> DetectionError:
    with pytest.raises(DetectionError) as error:
        rekognition.detect(STORED)
    return error.value


def is_image_at_fault(rekognition: Rekognition) -> bool:
    error = raised(rekognition)
    assert isinstance(error, InvalidParametersError)
    return error.is_image_at_fault


def test_without_an_earlier_successful_call_the_deployment_may_be_at_fault() -> None:
    assert not is_image_at_fault(detector(REJECTED))


def test_after_a_successful_call_the_image_is_at_fault() -> None:
    rekognition = detector(ACCEPTED, REJECTED, REJECTED)
    rekognition.detect(STORED)
    assert is_image_at_fault(rekognition)
    assert is_image_at_fault(rekognition)


@pytest.mark.parametrize(("elapsed", "expected"), [(PROOF_SECONDS, True), (PROOF_SECONDS + 1, False)])
def test_a_successful_call_proves_the_parameters_for_an_hour(elapsed: float, expected: bool) -> None:
    clock = Clock()
    rekognition = detector(ACCEPTED, REJECTED, clock=clock)
    rekognition.detect(STORED)
    clock.now += elapsed
    assert is_image_at_fault(rekognition) is expected


def test_each_successful_call_starts_a_new_hour() -> None:
    clock = Clock()
    rekognition = detector(ACCEPTED, ACCEPTED, REJECTED, clock=clock)
    for _ in range(2):
        rekognition.detect(STORED)
        clock.now += PROOF_SECONDS
    assert is_image_at_fault(rekognition)


@pytest.mark.parametrize("code", ["InvalidImageFormatException", "ThrottlingException", "AccessDeniedException"])
def test_a_failed_call_proves_nothing(code: str) -> None:
    rekognition = detector(code, REJECTED)
    raised(rekognition)
    assert not is_image_at_fault(rekognition)


def test_another_execution_environment_proves_nothing() -> None:
    detector(ACCEPTED).detect(STORED)
    assert not is_image_at_fault(detector(REJECTED))


@dataclass
class BucketWithHeader(FakeBucket):
    """A bucket whose object has this header."""

    first_bytes: bytes = b""

    def read_header(self, stored: StoredObject) -> bytes:
        return self.first_bytes


def scan(images: FakeImages, header: bytes, answer: Detection | DetectionError) -> Outcome:
    bucket = BucketWithHeader(first_bytes=header)
    detectors = {Feature.LABELS: FakeDetector(answer)}
    [outcome] = Scanner(images, FakeRequests(), bucket, detectors, lambda: NOW, lambda: 60).scan(KEY, "delivery")
    return outcome


def rejected_parameters(*, is_image_at_fault: bool) -> InvalidParametersError:
    return InvalidParametersError(REJECTED or "", is_image_at_fault=is_image_at_fault)


HEADERS = {
    "a PNG that is too small": (png(40, 40), "image_too_small"),
    "a JPEG that is too small, with stray bytes": (STRAY_BYTES, "image_too_small"),
    "a JPEG that is too large": (jpeg(10_001, 100), "image_dimensions_too_large"),
    "a JPEG without a frame header": (jpeg()[:10], "image_invalid"),
    "a JPEG whose frame header follows the first MiB": (LATE_HEADER[:HEADER_BYTES], "image_invalid"),
    "the same, from a store that ignores Range": (LATE_HEADER, "image_invalid"),
    "a truncated PNG": (png()[:20], "image_invalid"),
    "neither JPEG nor PNG": (b"GIF89a", "image_invalid"),
    "an empty object": (b"", "image_invalid"),
}


@pytest.mark.parametrize("is_image_at_fault", [True, False])
@pytest.mark.parametrize(("header", "code"), HEADERS.values(), ids=HEADERS)
def test_an_image_whose_header_explains_the_rejection_has_failed(
    header: bytes, code: str, is_image_at_fault: bool
) -> None:
    images = FakeImages()
    outcome = scan(images, header, rejected_parameters(is_image_at_fault=is_image_at_fault))
    assert (outcome.kind, outcome.is_done) == (OutcomeKind.REJECTED_IMAGE, True)
    assert images.steps == ["lease", "finish"]
    [failed] = images.finished
    assert (failed.status, failed.failure and failed.failure.code) == (Status.FAILED, code)


@pytest.mark.parametrize("header", [png(), jpeg()], ids=["PNG", "JPEG"])
def test_an_image_with_a_good_header_has_failed_if_other_calls_succeed(header: bytes) -> None:
    images = FakeImages()
    outcome = scan(images, header, rejected_parameters(is_image_at_fault=True))
    assert (outcome.kind, outcome.is_done) == (OutcomeKind.REJECTED_IMAGE, True)
    [failed] = images.finished
    assert failed.failure
    assert failed.failure.code == "image_invalid"
    assert failed.failure.message.endswith(".")


@pytest.mark.parametrize("header", [png(), jpeg()], ids=["PNG", "JPEG"])
def test_a_misconfiguration_still_alarms_and_fails_no_image(header: bytes) -> None:
    images = FakeImages()
    outcome = scan(images, header, rejected_parameters(is_image_at_fault=False))
    assert (outcome.kind, outcome.detail, outcome.is_done) == (OutcomeKind.CONFIGURATION_ERROR, REJECTED, False)
    assert images.steps == ["lease", "release with refund"]
    assert images.finished == []
