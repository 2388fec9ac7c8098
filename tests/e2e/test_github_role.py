"""Who may take on the role that deploys, and what it may do then, judged by the emulator's IAM."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.environments import REGION
from local.paths import ROOT
from local.stack import Stack

BOOTSTRAP = "github-staging"
ROLE = "arn:aws:iam::000000000000:role/imagescan-staging-deploy"
# The emulator knows no such provider, yet takes its tokens; and it has no TLS for the bucket's policy to insist on.
NOT_ON_THE_EMULATOR = ("Provider", "ArtefactsPolicy")
REPOSITORY = "acme@1/imagescan@2"
GOOD = {"aud": "sts.amazonaws.com", "sub": f"repo:{REPOSITORY}:environment:staging"}


@pytest.fixture(scope="module")
def role(stack: Stack) -> Iterator[str]:
    """The role, made by the template that people use."""
    template = (ROOT / "bootstrap" / "github-role.yaml").read_text()
    for resource in NOT_ON_THE_EMULATOR:
        template = re.sub(rf"^  {resource}:\n(?:    .*\n|\n)+", "", template, flags=re.MULTILINE)
    cloudformation = stack.client("cloudformation")
    cloudformation.create_stack(
        StackName=BOOTSTRAP,
        TemplateBody=template,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[
            {"ParameterKey": "Repository", "ParameterValue": REPOSITORY},
            {"ParameterKey": "Environment", "ParameterValue": "staging"},
        ],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=BOOTSTRAP, WaiterConfig={"Delay": 1})
    yield ROLE
    cloudformation.delete_stack(StackName=BOOTSTRAP)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://github.com/acme"},
        {"sub": "repo:acme@1/imagescan@2:environment:production"},
        {"sub": "repo:acme@1/imagescan@2:ref:refs/heads/main"},
        {"sub": "repo:acme@1/imagescan@2:pull_request"},
        {"sub": "repo:acme@1/imagescan@3:environment:staging"},
        {"sub": "repo:acme/imagescan:environment:staging"},
        {"iss": "https://token.example.com"},
    ],
    ids=lambda claims: next(iter(claims.values())),
)
def test_any_other_token_is_refused(stack: Stack, role: str, claims: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        taken_on(stack, role, GOOD | claims)


def test_a_job_of_the_environment_takes_the_role_on_and_sees_its_stack_alone(stack: Stack, role: str) -> None:
    session = taken_on(stack, role, GOOD)
    with pytest.raises(ClientError, match="does not exist"):  # let in: it was not deployed yet
        client(stack, session, "cloudformation").describe_stacks(StackName="imagescan-staging")
    with pytest.raises(ClientError, match="not authorized"):
        client(stack, session, "cloudformation").describe_stacks(StackName="imagescan-production")


@pytest.mark.parametrize(
    ("service", "method", "arguments"),
    [
        ("lambda", "list_functions", {}),
        ("dynamodb", "list_tables", {}),
        ("iam", "list_roles", {}),
        ("iam", "delete_role_policy", {"RoleName": "imagescan-staging-deploy", "PolicyName": "deploy"}),
        ("sts", "assume_role", {"RoleArn": ROLE.replace("deploy", "cloudformation"), "RoleSessionName": "job"}),
        ("s3", "list_buckets", {}),
        ("s3", "put_object", {"Bucket": "imagescan-images-local", "Key": "images/x"}),
        ("cloudformation", "delete_stack", {"StackName": "imagescan-staging"}),
    ],
)
def test_resources_are_beyond_it(stack: Stack, role: str, service: str, method: str, arguments: dict[str, str]) -> None:
    with pytest.raises(ClientError, match=r"not authorized|AccessDenied"):
        getattr(client(stack, taken_on(stack, role, GOOD), service), method)(**arguments)


def taken_on(stack: Stack, role: str, claims: dict[str, str]) -> boto3.Session:
    given = stack.client("sts").assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="job", WebIdentityToken=_token(claims)
    )["Credentials"]
    return boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=REGION)


def client(stack: Stack, session: boto3.Session, service: str) -> Any:
    create: Any = session.client
    return create(service, endpoint_url=stack.aws_endpoint)


def _token(claims: dict[str, str]) -> str:
    """As GitHub writes it; the emulator reads the claims and does not check the signature."""
    parts = ({"alg": "RS256"}, {"iss": "https://token.actions.githubusercontent.com"} | claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])
