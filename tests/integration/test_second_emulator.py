"""Deploy the template with moto's CloudFormation, a second implementation that is independent of the emulator.

It evaluates the conditions, references and names of deployments on AWS (IsLocalEmulator=false), which the emulator
never deploys. It supports about half of the resource types. docs/verification.md lists what neither of them detects.
"""

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from testing.deployment import parameters_of, references_in, transformed
from tools.env import EMULATOR_CREDENTIALS

NAME = "imagescan-staging"
OPTIONS = {
    "WebHosting": "cloudfront",
    "ApiAccessLogs": "true",
    "WebhookUrl": "https://example.org/scans",
    "AlarmEmail": "ann@example.org",
    "Tracing": "Active",
}
PARAMETERS = {
    "defaults": {},
    "production": parameters_of("production"),
    "all options": {**parameters_of("staging"), **OPTIONS},
}
VALIDATOR_MODULES = ("validation", "validation.exceptions")
EXPECTED_TYPES = {
    "AWS::DynamoDB::Table",
    "AWS::Events::EventBus",
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
}


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a client of moto's CloudFormation. The bucket and object of the packaged functions exist."""
    for name, value in EMULATOR_CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    # moto imports a validator for APIs. APIs are not deployed here, because they refer to aliases.
    for module in ("openapi_spec_validator", *(f"openapi_spec_validator.{each}" for each in VALIDATOR_MODULES)):
        stub = ModuleType(module)
        vars(stub).update(dict.fromkeys(("validate_spec", "OpenAPIValidationError"), Exception))
        monkeypatch.setitem(sys.modules, module, stub)
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("module.py", "")
    with mock_aws():
        s3: Any = boto3.client("s3")
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="key", Body=package.getvalue())
        yield boto3.client("cloudformation")


def supported_part(template: dict[str, Any]) -> dict[str, Any]:
    """Return the template without unsupported resource types, and without everything that refers to one of them."""
    from moto.cloudformation.parsing import get_model_map  # noqa: PLC0415 - the fixture makes it importable

    resources = {name: each for name, each in template["Resources"].items() if each["Type"] in get_model_map()}
    missing = set(template["Resources"]) - set(resources)
    while dependent := {name for name, each in resources.items() if set(references_in(each)) & missing}:
        missing |= dependent
        resources = {name: each for name, each in resources.items() if name not in dependent}
    outputs = {name: each for name, each in template["Outputs"].items() if not set(references_in(each)) & missing}
    return {**template, "Resources": resources, "Outputs": outputs}


def arguments(parameters: dict[str, str], release: str) -> dict[str, Any]:
    template = supported_part(transformed(parameters.get("GradualDeployment", "false"), release))
    values = {**parameters, "Release": release}
    return {
        "StackName": NAME,
        "TemplateBody": json.dumps(template),
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
        "Capabilities": ["CAPABILITY_IAM"],
        "Tags": [{"Key": "Environment", "Value": "staging"}],
    }


@pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning")
@pytest.mark.parametrize("parameters", PARAMETERS.values(), ids=PARAMETERS)
def test_a_stack_can_be_created_updated_and_deleted(cloudformation: Any, parameters: dict[str, str]) -> None:
    cloudformation.create_stack(**arguments(parameters, ""))
    assert status(cloudformation) == "CREATE_COMPLETE"
    before = resources(cloudformation)
    cloudformation.update_stack(**arguments(parameters, "1795736700-1f1f1ea"))
    assert status(cloudformation) == "UPDATE_COMPLETE"
    tables = {name: physical for name, (kind, physical) in before.items() if kind == "AWS::DynamoDB::Table"}
    assert len(tables) == 3
    assert {name: resources(cloudformation)[name][1] for name in tables} == tables  # no table is replaced
    kinds = {kind for kind, _ in before.values()}
    assert kinds >= EXPECTED_TYPES
    cloudformation.delete_stack(StackName=NAME)


def status(cloudformation: Any) -> str:
    [stack] = cloudformation.describe_stacks(StackName=NAME)["Stacks"]
    return str(stack["StackStatus"])


def resources(cloudformation: Any) -> dict[str, tuple[str, str]]:
    listed = cloudformation.list_stack_resources(StackName=NAME)["StackResourceSummaries"]
    return {each["LogicalResourceId"]: (each["ResourceType"], each["PhysicalResourceId"]) for each in listed}
