"""Run make deploy against the emulator. Only what the emulator does not support differs from a deployment to AWS."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from local.stack import Stack
from ops import deploy
from ops.deploy import Options
from ops.environment import Environment, environment
from tools.console import CommandError
from tools.env import EMULATOR_CREDENTIALS

ACCOUNT = "000000000000"
UNATTENDED = Options(confirm=False)


@pytest.fixture(scope="module")
def session(stack: Stack) -> Iterator[boto3.Session]:
    """Let the SDK and the SAM CLI use the emulator."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**EMULATOR_CREDENTIALS, "AWS_ENDPOINT_URL": stack.aws_endpoint}.items():
            patch.setenv(name, value)
        yield boto3.Session()


@pytest.fixture(scope="module")
def target() -> Environment:
    staging = environment("staging")
    parameters = {**staging.parameters, "IsLocalEmulator": "true", "AuthMode": "open"}
    return replace(staging, parameters=parameters)


def resource(session: boto3.Session, logical_id: str) -> str:
    client: Any = session.client("cloudformation")
    detail = client.describe_stack_resource(StackName="imagescan-staging", LogicalResourceId=logical_id)
    return str(detail["StackResourceDetail"]["PhysicalResourceId"])


def submit_function(session: boto3.Session) -> dict[str, Any]:
    client: Any = session.client("lambda")
    configuration: dict[str, Any] = client.get_function_configuration(FunctionName=resource(session, "SubmitFunction"))
    return configuration


def test_a_first_deployment_and_a_parameter_change_succeed(session: boto3.Session, target: Environment) -> None:
    """The emulator transforms the template without parameter values, so unit tests check the versions."""
    deploy.deploy(target, session, UNATTENDED)
    before = submit_function(session)
    parameters = {**target.parameters, "DefaultLabel": "traffic light"}
    deploy.deploy(replace(target, parameters=parameters), session, UNATTENDED)
    after = submit_function(session)
    labels = [each["Environment"]["Variables"]["DEFAULT_LABEL"] for each in (before, after)]
    assert labels == ["cat", "traffic light"]
    assert after["Architectures"] == ["arm64"]
    assert after["CodeSha256"] == before["CodeSha256"]  # a second build of the same sources is identical
    assert_stored_in_artefact_bucket(session)


def assert_stored_in_artefact_bucket(session: boto3.Session) -> None:
    s3: Any = session.client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=f"imagescan-staging-artefacts-{ACCOUNT}")["Contents"]]
    assert keys
    assert all(key.startswith("imagescan-staging/") for key in keys)


def test_a_build_for_another_architecture_is_not_deployed(session: boto3.Session, target: Environment) -> None:
    """samconfig.toml sets no architecture, so sam build uses the default of the template."""
    parameters = {**target.parameters, "Architecture": "x86_64"}
    with pytest.raises(CommandError, match="Architecture=x86_64"):
        deploy.deploy(replace(target, parameters=parameters), session, UNATTENDED)
