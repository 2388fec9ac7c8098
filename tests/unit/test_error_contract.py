"""The error tables list every error of the SDK, and each error of Rekognition is classified as listed."""

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

from imagescan.aws.detect_labels import detect_labels
from imagescan.aws.rate_limiter import AdaptiveRateLimiter
from imagescan.aws.rekognition import CONFIGURATION_ERRORS, IMAGE_ERRORS, Rekognition, classify_error
from imagescan.domain.detection import ImageRejected, TransientDetectorError
from imagescan.domain.image import StoredObject
from testing.error_contract import CALLS, REKOGNITION, REKOGNITION_OPERATIONS

DETAILS = {"endpoint_url": "https://rekognition", "error": "reset"}


class UnreachableRekognition:
    """A client that raises an error instead of returning a response."""

    def __init__(self, error: BotoCoreError) -> None:
        self._error = error

    def detect_labels(self, **_: Any) -> Any:
        raise self._error


def modelled_errors(service: str, operation: str) -> set[str]:
    """Return the error codes of an operation in the SDK's model."""
    model = botocore.session.get_session().get_service_model(service)
    return {shape.name for shape in model.operation_model(operation).error_shapes}


@pytest.mark.parametrize("operation", REKOGNITION_OPERATIONS)
def test_the_table_of_rekognition_lists_every_error_of_the_sdk(operation: str) -> None:
    assert modelled_errors("rekognition", operation) - set(REKOGNITION) == set()


@pytest.mark.parametrize(("service", "operation"), CALLS)
def test_the_tables_list_every_error_of_the_sdk(service: str, operation: str) -> None:
    assert modelled_errors(service, operation) - set(CALLS[service, operation]) == set()


@pytest.mark.parametrize(("code", "kind"), REKOGNITION.items())
def test_each_error_of_rekognition_is_classified_as_listed(code: str, kind: type) -> None:
    error = classify_error(code)
    assert type(error) is kind
    assert error.code == code


def test_the_code_classifies_only_errors_that_the_table_lists() -> None:
    assert (set(IMAGE_ERRORS) | CONFIGURATION_ERRORS) - set(REKOGNITION) == set()


@pytest.mark.parametrize("code", ["", "AnUnknownError", "invalidimageformatexception", "400", "Unknown"])
def test_an_unknown_error_is_transient_and_not_billed(code: str) -> None:
    error = classify_error(code)
    assert isinstance(error, TransientDetectorError)
    assert not error.may_be_billed


@pytest.mark.parametrize("code", IMAGE_ERRORS)
def test_each_image_error_has_a_message_for_people(code: str) -> None:
    error = classify_error(code)
    assert isinstance(error, ImageRejected)
    assert error.failure.message.endswith(".")


@pytest.mark.parametrize(
    ("error", "may_be_billed"),
    [
        (ConnectTimeoutError(**DETAILS), False),
        (EndpointConnectionError(**DETAILS), False),
        (ReadTimeoutError(**DETAILS), True),
        (ConnectionClosedError(**DETAILS), True),
        (BotoCoreError(), True),
    ],
)
def test_a_call_without_a_response_may_be_billed_if_it_was_sent(error: BotoCoreError, may_be_billed: bool) -> None:
    client: Any = UnreachableRekognition(error)
    rekognition = Rekognition(client, "bucket", detect_labels, AdaptiveRateLimiter())
    with pytest.raises(TransientDetectorError) as raised:
        rekognition.detect(StoredObject("images/a", None, "a", None))
    assert raised.value.may_be_billed is may_be_billed
    assert raised.value.code == type(error).__name__
