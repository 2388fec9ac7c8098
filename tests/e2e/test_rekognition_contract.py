"""The Rekognition emulator against botocore's service model: requests, responses and errors of every operation."""

import json
import re
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import botocore.session
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import OperationModel, Shape
from botocore.validate import ParamValidator

from local.control import Operation, RekognitionControl
from local.ports import ANY_PORT, HOST
from tools import paths
from tools.env import REGION, server_env

type Json = dict[str, Any]

OPERATIONS: tuple[Operation, ...] = ("DetectLabels", "DetectModerationLabels", "DetectText")
RESULTS: dict[Operation, str] = {
    "DetectLabels": "Labels",
    "DetectModerationLabels": "ModerationLabels",
    "DetectText": "TextDetections",
}
SAMPLES = sorted(path.name for path in paths.SAMPLES.iterdir() if path.suffix in {".jpg", ".png"})
ALL_FEATURES = {"Features": ["GENERAL_LABELS", "IMAGE_PROPERTIES"]}
REGION_OF_INTEREST = {"BoundingBox": {"Left": 0.1, "Top": 0.1, "Width": 0.8, "Height": 0.8}}
BOTTLE = (paths.SAMPLES / "wine-bottle.png").read_bytes()
NO_IMAGE = b"no image"
PROJECT_VERSION = "arn:aws:rekognition:us-east-1:123456789012:project/beach/version/1/1700000000000"
# Errors that every AWS API can return, so they are not part of an operation's model.
COMMON_ERRORS = {"SerializationException", "UnknownOperationException"}

OPTIONS: list[tuple[Operation, Json]] = [
    ("DetectLabels", {}),
    ("DetectLabels", {"MinConfidence": 0, "MaxLabels": 1000}),
    ("DetectLabels", ALL_FEATURES | {"MinConfidence": 20}),
    ("DetectLabels", {"Features": ["IMAGE_PROPERTIES"], "Settings": {"ImageProperties": {"MaxDominantColors": 20}}}),
    ("DetectLabels", {"Settings": {"GeneralLabels": {"LabelCategoryInclusionFilters": ["Food and Beverage"]}}}),
    ("DetectModerationLabels", {}),
    ("DetectModerationLabels", {"MinConfidence": 0}),
    ("DetectText", {}),
    ("DetectText", {"Filters": {"WordFilter": {"MinConfidence": 0}, "RegionsOfInterest": [REGION_OF_INTEREST]}}),
]

REJECTED: list[tuple[Operation, Json, bytes, str]] = [
    *((operation, {}, NO_IMAGE, "InvalidImageFormatException") for operation in OPERATIONS),
    *((operation, {}, BOTTLE.ljust(5 * 1024 * 1024 + 1), "ImageTooLargeException") for operation in OPERATIONS),
    ("DetectLabels", {"MinConfidence": 101}, BOTTLE, "InvalidParameterException"),
    ("DetectLabels", {"Settings": {"ImageProperties": {}}}, BOTTLE, "InvalidParameterException"),
    ("DetectModerationLabels", {"MinConfidence": 101}, BOTTLE, "InvalidParameterException"),
    ("DetectModerationLabels", {"ProjectVersion": PROJECT_VERSION}, BOTTLE, "ResourceNotFoundException"),
    ("DetectText", {"Filters": {"WordFilter": {"MinConfidence": 101}}}, BOTTLE, "InvalidParameterException"),
]

FAULTS: list[tuple[Json, int]] = [
    ({"kind": "throttle"}, 500),
    ({"kind": "throttle", "code": "ProvisionedThroughputExceededException"}, 400),
    ({"kind": "error"}, 500),
    ({"kind": "error", "code": "AccessDeniedException"}, 400),
    ({"kind": "error", "code": "InvalidS3ObjectException"}, 400),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Start the emulator and return its URL."""
    command = ["node", str(paths.REKOGNITION_SERVER), "--port", str(ANY_PORT)]
    with subprocess.Popen(command, env=server_env({}), stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - constant
        try:
            assert process.stdout is not None
            yield f"http://{HOST}:{json.loads(process.stdout.readline())['port']}"
        finally:
            process.terminate()


@pytest.fixture
def control(url: str) -> Iterator[RekognitionControl]:
    """Return the control client of the emulator, without calls and faults."""
    client = RekognitionControl(url)
    client.reset()
    yield client
    client.reset()


@pytest.fixture(scope="module")
def client(url: str) -> Any:
    """Return a boto3 client of the emulator that makes one attempt."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=60)
    create: Any = boto3.Session("test", "test", region_name=REGION).client
    return create("rekognition", endpoint_url=url, config=config)


@pytest.fixture(scope="module")
def call(client: Any) -> Callable[..., Json]:
    """Return a function that calls an operation with the bytes of an image."""

    def call_operation(operation: Operation, image: bytes, options: Mapping[str, Any]) -> Json:
        method = client.meta.method_to_api_mapping
        name = next(python_name for python_name, api_name in method.items() if api_name == operation)
        response: Json = getattr(client, name)(Image={"Bytes": image}, **options)
        return response

    return call_operation


def model_of(operation: Operation) -> OperationModel:
    """Return botocore's model of an operation."""
    return botocore.session.get_session().get_service_model("rekognition").operation_model(operation)


def send(url: str, operation: Operation, body: str) -> httpx.Response:
    """Send a request without botocore, which would drop members of the response that it does not know."""
    headers = {"X-Amz-Target": f"RekognitionService.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    return httpx.post(url, headers=headers, content=body, timeout=60)


def violations(value: Any, shape: Shape) -> list[str]:
    """Return where a value violates its shape: unknown members, types, enumerations, ranges, lengths and patterns."""
    report = ParamValidator().validate(value, shape)
    return [report.generate_report()] if report.has_errors() else _limit_violations(value, shape, "response")


def _limit_violations(value: Any, shape: Any, path: str) -> list[str]:
    if shape.type_name == "structure":
        members = [_limit_violations(value[name], shape.members[name], f"{path}.{name}") for name in value]
        return [problem for problems in members for problem in problems]
    limits: Mapping[str, Any] = shape.metadata
    found = []
    if shape.type_name == "list":
        items = [_limit_violations(item, shape.member, f"{path}[{index}]") for index, item in enumerate(value)]
        found = [problem for problems in items for problem in problems]
    size = value if shape.type_name in {"float", "integer"} else len(value)
    if not limits.get("min", size) <= size <= limits.get("max", size):
        found.append(f"{path}: {value} is not from {limits.get('min')} to {limits.get('max')}")
    if "enum" in limits and value not in limits["enum"]:
        found.append(f"{path}: {value} is not one of {limits['enum']}")
    if "pattern" in limits and not re.fullmatch(limits["pattern"], value):
        found.append(f"{path}: {value} does not match {limits['pattern']}")
    return found


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"Labels": [{"Name": "Cat", "Colour": "black"}]}, "Unknown parameter"),
        ({"Labels": [{"Name": 7}]}, "Invalid type"),
        ({"Labels": [{"Name": "Cat", "Confidence": 100.5}]}, "is not from 0 to 100"),
        ({"OrientationCorrection": "ROTATE_45"}, "is not one of"),
    ],
)
def test_the_validation_finds_violations(value: Json, problem: str) -> None:
    shape = model_of("DetectLabels").output_shape
    assert shape is not None
    assert any(problem in violation for violation in violations(value, shape))


@pytest.mark.parametrize(("operation", "options"), OPTIONS, ids=json.dumps)
def test_every_response_conforms_to_the_service_model(url: str, operation: Operation, options: Json) -> None:
    shape = model_of(operation).output_shape
    assert shape is not None
    for name in SAMPLES:
        image = b64encode((paths.SAMPLES / name).read_bytes()).decode()
        response = send(url, operation, json.dumps({"Image": {"Bytes": image}, **options}))
        assert (response.status_code, violations(response.json(), shape)) == (200, []), name


@pytest.mark.parametrize("operation", OPERATIONS)
def test_boto3_reads_every_member_of_a_response(
    url: str, call: Callable[..., Json], control: RekognitionControl, operation: Operation
) -> None:
    received = call(operation, BOTTLE, {})
    sent = send(url, operation, json.dumps({"Image": {"Bytes": b64encode(BOTTLE).decode()}})).json()
    assert received.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    assert received == sent
    assert received[RESULTS[operation]]
    assert control.calls(operation)["succeeded"] == 2


@pytest.mark.parametrize(("operation", "options", "image", "code"), REJECTED)
def test_every_rejection_is_an_error_of_the_service_model(
    call: Callable[..., Json], operation: Operation, options: Json, image: bytes, code: str
) -> None:
    assert code in {shape.name for shape in model_of(operation).error_shapes}
    with pytest.raises(ClientError) as rejected:
        call(operation, image, options)
    assert rejected.value.response["Error"]["Code"] == code
    assert rejected.value.response["Error"]["Message"]
    assert rejected.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(("fault", "status"), FAULTS, ids=json.dumps)
def test_an_injected_fault_is_an_error_of_the_service_model(
    call: Callable[..., Json], control: RekognitionControl, operation: Operation, fault: Json, status: int
) -> None:
    control.fail(**fault, operation=operation)
    with pytest.raises(ClientError) as failed:
        call(operation, BOTTLE, {})
    code = failed.value.response["Error"]["Code"]
    assert type(failed.value).__name__ == code
    assert code in {shape.name for shape in model_of(operation).error_shapes}
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert control.calls(operation)["failed"] == {code: 1}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"Image": {}}', '{"Image": {"Bytes": 7}}', '{"Image": 7}'])
def test_an_invalid_body_has_the_shape_of_an_error(url: str, operation: Operation, body: str) -> None:
    response = send(url, operation, body)
    error = response.json()
    known = {shape.name for shape in model_of(operation).error_shapes} | COMMON_ERRORS
    assert response.status_code == 400
    assert error["__type"] in known
    assert response.headers["x-amzn-ErrorType"] == error["__type"]
    assert isinstance(error["Message"], str)


def test_a_rate_limit_applies_to_each_operation(call: Callable[..., Json], control: RekognitionControl) -> None:
    control.set_rate_limit(1, "DetectModerationLabels")
    try:
        call("DetectModerationLabels", BOTTLE, {})
        with pytest.raises(ClientError, match="ProvisionedThroughputExceededException"):
            call("DetectModerationLabels", BOTTLE, {})
        assert call("DetectLabels", BOTTLE, {})["Labels"]
    finally:
        control.set_rate_limit(None)


def test_fixed_results_are_returned_as_they_are(call: Callable[..., Json], control: RekognitionControl) -> None:
    flag = {"Name": "Gambling", "ParentName": "", "Confidence": 77.0, "TaxonomyLevel": 1}
    control.set_latency(0, moderation_labels=[flag], operation="DetectModerationLabels")
    try:
        assert call("DetectModerationLabels", BOTTLE, {})["ModerationLabels"] == [flag]
        assert call("DetectLabels", BOTTLE, {})["Labels"]
    finally:
        control.set_latency(None)
