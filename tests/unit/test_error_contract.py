"""The tables of errors against the SDK's own service models, and Rekognition's against what the code makes of it."""

from typing import Any

import botocore.session
import pytest
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from imagescan.aws.rate_limiter import AdaptiveRateLimiter
from imagescan.aws.rekognition import CONFIGURATION_ERRORS, IMAGE_ERRORS, Rekognition, classify_error
from imagescan.domain.detection import ImageRejected, TransientDetectorError
from imagescan.domain.image import StoredObject
from testing.error_contract import CALLS, DETECT_LABELS

WHERE = {"endpoint_url": "https://rekognition", "error": "broken"}


class RekognitionThatFails:
    """A client that gives no answer."""

    def __init__(self, error: BotoCoreError) -> None:
        self._error = error

    def detect_labels(self, **_: Any) -> Any:
        raise self._error


def modelled(service: str, operation: str) -> set[str]:
    """The error codes that the SDK's model has for an operation."""
    model = botocore.session.get_session().get_service_model(service)
    return {shape.name for shape in model.operation_model(operation).error_shapes}


def test_the_table_of_rekognition_has_every_error_of_the_sdk() -> None:
    assert modelled("rekognition", "DetectLabels") - set(DETECT_LABELS) == set()


@pytest.mark.parametrize(("service", "operation"), CALLS)
def test_the_tables_have_every_error_of_the_sdk(service: str, operation: str) -> None:
    assert modelled(service, operation) - set(CALLS[service, operation]) == set()


@pytest.mark.parametrize(("code", "kind"), DETECT_LABELS.items())
def test_an_error_of_rekognition_is_of_its_kind(code: str, kind: type) -> None:
    error = classify_error(code)
    assert type(error) is kind
    assert error.code == code


def test_the_code_knows_no_error_that_the_table_lacks() -> None:
    assert (set(IMAGE_ERRORS) | CONFIGURATION_ERRORS) - set(DETECT_LABELS) == set()


@pytest.mark.parametrize("code", ["", "SomethingNobodyHasHeardOf", "invalidimageformatexception", "400", "Unknown"])
def test_an_unknown_error_passes_and_is_never_an_answer(code: str) -> None:
    error = classify_error(code)
    assert isinstance(error, TransientDetectorError)
    assert not error.may_be_billed


@pytest.mark.parametrize("code", IMAGE_ERRORS)
def test_a_refused_image_says_why_to_people(code: str) -> None:
    error = classify_error(code)
    assert isinstance(error, ImageRejected)
    assert error.failure.message.endswith(".")


@pytest.mark.parametrize(
    ("error", "charged"),
    [
        (ConnectTimeoutError(**WHERE), False),
        (EndpointConnectionError(**WHERE), False),
        (ReadTimeoutError(**WHERE), True),
        (ConnectionClosedError(**WHERE), True),
        (BotoCoreError(), True),
    ],
)
def test_a_call_without_an_answer_may_have_been_paid_for_if_it_was_sent(error: BotoCoreError, charged: bool) -> None:
    client: Any = RekognitionThatFails(error)
    with pytest.raises(TransientDetectorError) as raised:
        Rekognition(client, "pictures", AdaptiveRateLimiter()).detect(StoredObject("images/a", None, "a", None))
    assert raised.value.may_be_billed is charged
    assert raised.value.code == type(error).__name__
