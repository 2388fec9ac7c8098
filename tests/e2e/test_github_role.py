"""Who can assume the deployment role and what it allows, checked by the IAM of the emulator."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.stack import Stack
from tools.env import REGION
from tools.paths import ROOT

BOOTSTRAP = "github-staging"
ROLE = "arn:aws:iam::000000000000:role/imagescan-staging-deploy"
UNSUPPORTED_BY_EMULATOR = ("Provider",)  # the emulator accepts tokens without the resource
REPOSITORY = "acme@1/imagescan@2"
CHANGES = ROLE.replace("deploy", "changes")
VALID_CLAIMS = {"aud": "sts.amazonaws.com", "sub": f"repo:{REPOSITORY}:environment:staging"}


@pytest.fixture(scope="module")
def role(stack: Stack) -> Iterator[str]:
    """Create the role from the bootstrap template."""
    template = (ROOT / "bootstrap" / "github-role.yaml").read_text()
    for resource in UNSUPPORTED_BY_EMULATOR:
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
def test_all_other_tokens_are_rejected(stack: Stack, role: str, claims: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(stack, role, VALID_CLAIMS | claims)


def test_a_pull_request_can_assume_only_the_role_for_change_sets(stack: Stack, role: str) -> None:
    claims = VALID_CLAIMS | {"sub": f"repo:{REPOSITORY}:pull_request"}
    session = assume(stack, CHANGES, claims)
    cloudformation = client(stack, session, "cloudformation")
    with pytest.raises(ClientError, match="not authorized"):
        cloudformation.execute_change_set(StackName="imagescan-staging", ChangeSetName="changes")
    with pytest.raises(ClientError, match="not authorized"):
        cloudformation.delete_stack(StackName="imagescan-staging")
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(stack, CHANGES, VALID_CLAIMS)
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(stack, role, claims)


def test_a_job_of_the_environment_can_assume_the_role_and_access_only_its_stack(stack: Stack, role: str) -> None:
    session = assume(stack, role, VALID_CLAIMS)
    try:
        client(stack, session, "cloudformation").describe_stacks(StackName="imagescan-staging")
    except ClientError as error:
        if "does not exist" not in str(error):  # unless test_deploy.py has deployed it on this worker's stack
            raise
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
def test_other_actions_are_denied(
    stack: Stack, role: str, service: str, method: str, arguments: dict[str, str]
) -> None:
    with pytest.raises(ClientError, match=r"not authorized|AccessDenied"):
        getattr(client(stack, assume(stack, role, VALID_CLAIMS), service), method)(**arguments)


def assume(stack: Stack, role: str, claims: dict[str, str]) -> boto3.Session:
    credentials = stack.client("sts").assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="job", WebIdentityToken=_token(claims)
    )["Credentials"]
    return boto3.Session(
        credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"], region_name=REGION
    )


def client(stack: Stack, session: boto3.Session, service: str) -> Any:
    create: Any = session.client
    return create(service, endpoint_url=stack.aws_endpoint)


def _token(claims: dict[str, str]) -> str:
    """Return a token with these claims in the format of GitHub. The emulator does not verify the signature."""
    parts = ({"alg": "RS256"}, {"iss": "https://token.actions.githubusercontent.com"} | claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])
