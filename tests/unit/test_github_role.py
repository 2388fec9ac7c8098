"""What the pipeline's role must be able to make, derived from the template that it deploys."""

from fnmatch import fnmatch
from typing import Any

import pytest

from local import paths
from testing.deployment import Deployment, parameters_of
from testing.template import Template

ACCOUNT, REGION, UNNAMED = "111122223333", "eu-west-1", "*"
EVERYTHING = {"WebhookUrl": "https://example.org/scans", "AlarmEmail": "ann@example.org", "Tracing": "Active"}
IAM_NAMES = {"Cognito": "cognito-idp"}
NAMED_BY_HAND = {
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
    return Deployment.of(**{**parameters_of(environment), **EVERYTHING})


def statements(environment: str, role: str) -> list[dict[str, Any]]:
    """What a role may do: CloudFormation's own, or that of GitHub's jobs."""
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


def may(environment: str, action: str, arn: str, role: str = "CloudFormationRole") -> bool:
    """Whether a statement allows the action on the resource."""
    return any(
        any(fnmatch(action, each) for each in statement["Action"])
        and any(fnmatch(arn, each) for each in statement["Resource"])
        for statement in statements(environment, role)
    )


def test_it_may_make_every_kind_of_resource_that_the_template_has(deployment: Deployment, environment: str) -> None:
    kinds = {each["Type"].split("::")[1] for each in deployment.resources.values()}
    services = {IAM_NAMES.get(kind, kind.lower()) for kind in kinds}
    granted = {
        action.split(":")[0]
        for statement in statements(environment, "CloudFormationRole")
        for action in statement["Action"]
    }
    assert services - granted == set()


def test_what_the_template_names_itself_is_within_its_reach(deployment: Deployment, environment: str) -> None:
    """All else CloudFormation names after the stack."""
    named = {
        name: start_of(properties[NAMED_BY_HAND[kind]])
        for kind in NAMED_BY_HAND
        for name, properties in deployment.of_type(kind).items()
        if NAMED_BY_HAND[kind] in properties
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
    starts = {name: start.replace("${ImagesBucketPrefix}", prefix) for name, start in named.items()}
    reach = ("${AWS::StackName}", f"imagescan-{environment}")
    assert {name: start for name, start in starts.items() if not start.startswith(reach)} == {}


def start_of(name: dict[str, Any]) -> str:
    """The pattern by which the template makes a name."""
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
        ("ec2:RunInstances", UNNAMED),
    ],
)
def test_what_others_have_in_the_account_is_beyond_it(environment: str, action: str, arn: str) -> None:
    assert not may(environment, action, arn)


def test_its_reach_ends_where_the_other_environment_begins(environment: str) -> None:
    other = "staging" if environment == "production" else "production"
    tables = [f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/imagescan-{each}-Images" for each in (environment, other)]
    buckets = [f"arn:aws:s3:::imagescan-{each}-images-0a1b2c3d4e5f" for each in (environment, other)]
    assert [may(environment, "dynamodb:DeleteTable", table) for table in tables] == [True, False]
    assert [may(environment, "s3:DeleteBucket", bucket) for bucket in buckets] == [True, False]


@pytest.mark.parametrize("action", ["lambda:PublishVersion", "lambda:UpdateAlias"])
def test_jobs_publish_functions_of_their_own_environment_alone(environment: str, action: str) -> None:
    other = "staging" if environment == "production" else "production"
    names = [f"imagescan-{environment}-Scanner-0A1B", f"imagescan-{other}-Scanner-0A1B", "payroll"]
    functions = [f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}" for name in names]
    assert [may(environment, action, each, "DeployRole") for each in functions] == [True, False, False]
