"""Test the permissions of the pipeline's role against the template that it deploys."""

from fnmatch import fnmatch
from typing import Any

import pytest

from testing.deployment import Deployment, parameters_of
from testing.template import Template
from tools import paths

ACCOUNT, REGION, ANY_RESOURCE = "111122223333", "eu-west-1", "*"
ALL_OPTIONS = {"WebhookUrl": "https://example.org/scans", "AlarmEmail": "ann@example.org", "Tracing": "Active"}
IAM_NAMES = {"Cognito": "cognito-idp"}
NAME_PROPERTIES = {
    "S3::Bucket": "BucketName",
    "Events::EventBus": "Name",
    "Events::Connection": "Name",
    "Events::ApiDestination": "Name",
    "SecretsManager::Secret": "Name",
    "CloudWatch::Dashboard": "DashboardName",
}


@pytest.fixture(params=["staging", "production"])
def environment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def deployment(environment: str) -> Deployment:
    return Deployment.of(**{**parameters_of(environment), **ALL_OPTIONS})


def statements(environment: str, role: str) -> list[dict[str, Any]]:
    """Return the allow statements of a role: that of CloudFormation or that of GitHub's jobs."""
    names = {
        "Environment": environment,
        "AWS::Partition": "aws",
        "AWS::Region": REGION,
        "AWS::AccountId": ACCOUNT,
        "Artefacts.Arn": f"arn:aws:s3:::imagescan-{environment}-artefacts-{ACCOUNT}",
        "CloudFormationRole.Arn": f"arn:aws:iam::{ACCOUNT}:role/imagescan-{environment}-cloudformation",
    }
    bootstrap = Template(names, paths.ROOT / "bootstrap" / "github-role.yaml")
    [policy] = bootstrap.properties(role, "AssumeRolePolicyDocument")["Policies"]
    allowed = [each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]
    return [
        {name: each[name] if isinstance(each[name], list) else [each[name]] for name in ("Action", "Resource")}
        for each in allowed
    ]


def is_allowed(environment: str, action: str, arn: str, role: str = "CloudFormationRole") -> bool:
    """Return whether a statement allows the action on the resource."""
    return any(
        any(fnmatch(action, each) for each in statement["Action"])
        and any(fnmatch(arn, each) for each in statement["Resource"])
        for statement in statements(environment, role)
    )


def test_the_role_has_permissions_for_every_service_in_the_template(deployment: Deployment, environment: str) -> None:
    kinds = {each["Type"].split("::")[1] for each in deployment.resources.values()}
    services = {IAM_NAMES.get(kind, kind.lower()) for kind in kinds}
    granted = {
        action.split(":")[0]
        for statement in statements(environment, "CloudFormationRole")
        for action in statement["Action"]
    }
    assert services - granted == set()


def test_the_role_has_access_to_the_resources_that_the_template_names(deployment: Deployment, environment: str) -> None:
    """CloudFormation derives all other names from the stack name."""
    named = {
        name: name_pattern(properties[NAME_PROPERTIES[kind]])
        for kind in NAME_PROPERTIES
        for name, properties in deployment.of_type(kind).items()
        if NAME_PROPERTIES[kind] in properties
    }
    assert set(named) == {
        "ImagesBucket",
        "EventBus",
        "WebhookDestination",
        "WebhookConnection",
        "WebhookApiKeySecret",
        "Dashboard",
    }
    prefix = parameters_of(environment)["ImagesBucketPrefix"]
    patterns = {name: pattern.replace("${ImagesBucketPrefix}", prefix) for name, pattern in named.items()}
    allowed = ("${AWS::StackName}", f"imagescan-{environment}")
    assert {name: pattern for name, pattern in patterns.items() if not pattern.startswith(allowed)} == {}


def name_pattern(name: dict[str, Any]) -> str:
    """Return the pattern of a name in the template."""
    pattern = name["Fn::Sub"] if "Fn::Sub" in name else f"${{{name['Ref']}}}"
    return pattern if isinstance(pattern, str) else str(pattern[0])


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("dynamodb:DeleteTable", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/payroll"),
        ("s3:GetObject", "arn:aws:s3:::payroll/2026.csv"),
        ("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:payroll"),
        ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/payroll"),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/payroll"),
        ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/eve"),
        ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:payroll"),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/payroll"),
        ("ec2:RunInstances", ANY_RESOURCE),
    ],
)
def test_the_role_has_no_access_to_other_resources_in_the_account(environment: str, action: str, arn: str) -> None:
    assert not is_allowed(environment, action, arn)


def test_the_role_has_no_access_to_the_other_environment(environment: str) -> None:
    other = "staging" if environment == "production" else "production"
    tables = [f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/imagescan-{each}-Images" for each in (environment, other)]
    buckets = [f"arn:aws:s3:::imagescan-{each}-images-0a1b2c3d4e5f" for each in (environment, other)]
    assert [is_allowed(environment, "dynamodb:DeleteTable", table) for table in tables] == [True, False]
    assert [is_allowed(environment, "s3:DeleteBucket", bucket) for bucket in buckets] == [True, False]


@pytest.mark.parametrize("action", ["lambda:PublishVersion", "lambda:UpdateAlias"])
def test_jobs_can_publish_only_functions_of_their_own_environment(environment: str, action: str) -> None:
    other = "staging" if environment == "production" else "production"
    names = [f"imagescan-{environment}-Scanner-0A1B", f"imagescan-{other}-Scanner-0A1B", "payroll"]
    functions = [f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}" for name in names]
    assert [is_allowed(environment, action, each, "DeployRole") for each in functions] == [True, False, False]
